"""Line API widgets: rows of cells from the view, painted row by row."""
