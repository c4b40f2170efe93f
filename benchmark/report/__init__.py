"""What people look at: tables, figures and one page, all made from stored results."""
