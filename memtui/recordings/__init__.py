"""What real kernels did, played again on the simulated machine and compared counter by counter.

`archive` reads the recordings, `experiments` says each as a scenario, `playing` plays that, and
`comparison` judges every counter by the rules of `noise` and `gaps`.
"""
