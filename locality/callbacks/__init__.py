"""Lightning callbacks: averaged weights, sample grids."""
