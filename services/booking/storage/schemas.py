"""What booking's documents have been through; `amtstermin migrate` brings the old ones forward."""

from shared.mongo import Document
from shared.upcasting import Schema


def _phone_digest_beside_the_contact(document: Document) -> Document:
    """The version before reads no contact with it inside; erasing a contact, it leaves what is beside."""
    contact = document.get("contact")
    if not contact:
        return {name: value for name, value in document.items() if name != "phone_digest"}
    if "phone_digest" not in contact:
        return document
    inside = {name: value for name, value in contact.items() if name != "phone_digest"}
    beside = {"phone_digest": contact["phone_digest"]} if contact["phone_digest"] else {}
    return {**document, "contact": inside, **beside}


APPOINTMENTS = Schema(
    "appointments",
    (_phone_digest_beside_the_contact,),
    left_behind={"phone_digest": {"$exists": True}, "contact": {"$exists": False}},
)
SCHEMAS = (APPOINTMENTS,)
