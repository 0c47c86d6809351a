"""`manage.py call`: what it is asked, which way it calls, and how it shows what comes back."""
