"""What keeps a checkout in order: of use to those who change the project, in a clone of its repository."""
