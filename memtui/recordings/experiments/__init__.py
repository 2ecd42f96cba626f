"""Each recorded experiment, said as a scenario: what its program did at every step, as actions of a timeline."""
