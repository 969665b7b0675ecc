"""The JSON API.

Every view is exempt from the CSRF check, by design: there is no session and no cookie that a foreign page could
make a browser send along, and a JSON body is no form that it could submit.
"""
