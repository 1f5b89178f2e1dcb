"""What make_samples.py is made of: one module for each kind of file."""
