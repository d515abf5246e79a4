"""Lightning callbacks: sample grids, snapshots, stops between batches, the progress bar."""
