"""In memory, what the services call: MongoDB, RabbitMQ, mail and SMS. Each call is a step of its process."""
