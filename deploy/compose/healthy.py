"""The health check of every service's image: asks the service itself; `docker inspect` shows what it said."""

import http.client
import sys

connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=4)
connection.request("GET", "/health/ready")
answer = connection.getresponse()
print(answer.read().decode())
sys.exit(answer.status != http.client.OK)
