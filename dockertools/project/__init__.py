"""What is to be known about a project before its files can be written: facts without judgement."""
