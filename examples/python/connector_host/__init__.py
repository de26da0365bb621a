"""Runs the SMTP connector's component in Python, and sends with smtplib."""
