"""Runs the SMTP connector's component in Python, with smtplib as its way to a server."""
