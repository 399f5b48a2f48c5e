"""Which steps do without the network.

A template says so in its label `fastnlp/network: none`; workflows/steps.py writes it where the job's config reads
nothing but files. Without the label a step has the network, as any container has.
"""

from hera.workflows import models

from fastnlp_jobs.errors import BadInput

LABEL = "fastnlp/network"
NONE = "none"


def has_network(template: models.Template) -> bool:
    """Whether the steps of a template have the network.

    Raises:
        BadInput: the label has a value that means nothing.
    """
    labels = (template.metadata.labels if template.metadata else None) or {}
    if labels.get(LABEL, NONE) != NONE:
        raise BadInput(
            f"template {template.name}: label {LABEL}: expected `{NONE}`, got `{labels[LABEL]}`; "
            "leave the label out for a step with the network"
        )
    return LABEL not in labels
