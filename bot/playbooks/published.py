"""The form of a playbook as a JSON Schema, so that an editor completes and checks the YAML while it is written."""

import json
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from bot.playbooks.schema import Playbook


class _Untitled(GenerateJsonSchema):
    """Without a title for every field: editors show the field's own name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def published() -> str:
    """What stands in docs/playbook.schema.json."""
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A playbook of Muster"}
    found = Playbook.model_json_schema(schema_generator=_Untitled)
    return json.dumps(found | whole, indent=2, sort_keys=True) + "\n"
