"""CNI plugins: real executables, and the same code as functions for whoever runs them in process."""
