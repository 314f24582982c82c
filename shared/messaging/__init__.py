"""RabbitMQ: one connection to publish, another to consume, since a broker alarm blocks a whole connection.

The topology is data (deploy/rabbitmq/definitions.json): nothing here declares anything.
"""

from shared.messaging.consuming import Consumers, DependencyDown, Handlers
from shared.messaging.publishing import Publisher, PublishFailed, Unroutable

__all__ = ["Consumers", "DependencyDown", "Handlers", "PublishFailed", "Publisher", "Unroutable"]
