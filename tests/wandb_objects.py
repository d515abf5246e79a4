"""What a W&B server keeps beside runs, for tests: artifacts, workspaces, reports and presets of charts."""

from __future__ import annotations

import json
from typing import Any


class Refused(Exception):
    """What the server answers instead."""


class Objects:
    """Answers the operations on them, and keeps what they said."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.artifacts: list[dict[str, Any]] = []  # what was asked for; the place in the list is the id
        self.uses: list[tuple[str, str]] = []  # (run, name of the artifact that it used)
        self.files: dict[str, bytes] = {}  # uploaded files of artifacts, by <artifact>/<file>
        self.views: dict[str, dict[str, Any]] = {}  # workspaces and reports, by id
        self.projects: list[str] = []
        self.charts: dict[str, dict[str, Any]] = {}  # presets of custom charts, by name

    def answer(self, operation: str, given: dict[str, Any]) -> dict[str, Any]:
        """The answer to one operation; empty for one that is not known."""
        method = getattr(self, f"_{operation[:1].lower()}{operation[1:]}", None)
        return {} if method is None else method(given.get("input") or given)

    def made_by(self, run: str | None) -> list[str]:
        """The names of the artifacts that a run made; of None, those that nobody made."""
        ours = (one for one in self.artifacts if one["artifactTypeName"] != "run_table")  # one for each table
        return [_name(one) for one in ours if one["runName"] == run]

    def content(self, artifact: str, file: str) -> Any:
        """An uploaded JSON file of an artifact."""
        return json.loads(self.files[f"{artifact}/{file}"])

    def _createArtifact(self, given: dict[str, Any]) -> dict[str, Any]:
        """One of the same name and digest is the one that is there."""
        known = [(_name(one), one["digest"]) for one in self.artifacts]
        key = (_name(given), given["digest"])
        if key not in known:
            self.artifacts.append(given)
        sequence = {"id": _name(given), "latestArtifact": None}
        state = "COMMITTED" if key in known else "PENDING"
        number = str([*known, key].index(key))
        return {"createArtifact": {"artifact": {"id": number, "state": state, "artifactSequence": sequence}}}

    def _createArtifactManifest(self, given: dict[str, Any]) -> dict[str, Any]:
        manifest = {"id": given["artifactID"], "file": self._place(given["artifactID"], given["name"])}
        return {"createArtifactManifest": {"artifactManifest": manifest}}

    def _updateArtifactManifest(self, given: dict[str, Any]) -> dict[str, Any]:
        number = given["artifactManifestID"]
        manifest = {"id": number, "file": self._place(number, "wandb_manifest.json")}
        return {"updateArtifactManifest": {"artifactManifest": manifest}}

    def _createArtifactFiles(self, given: dict[str, Any]) -> dict[str, Any]:
        edges = [{"node": self._place(file["artifactID"], file["name"])} for file in given["artifactFiles"]]
        return {"createArtifactFiles": {"files": {"edges": edges}}}

    def _commitArtifact(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"commitArtifact": {"artifact": {"id": given["artifactID"], "digest": ""}}}

    def _useArtifact(self, given: dict[str, Any]) -> dict[str, Any]:
        self.uses.append((given["runName"], _name(self.artifacts[int(given["artifactID"])])))
        return {"useArtifact": {"artifact": {"id": given["artifactID"], "digest": ""}}}

    def _getDefaultEntity(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"viewer": {"id": "v", "entity": "e"}}

    def _getProjects(self, given: dict[str, Any]) -> dict[str, Any]:
        page = {"__typename": "PageInfo", "endCursor": None, "hasNextPage": False}
        nodes = [
            {"node": {"__typename": "Project", "id": name, "name": name, "entityName": "e",
                      "createdAt": "2026-01-01T00:00:00", "isBenchmark": False, "user": None}}
            for name in self.projects
        ]  # fmt: skip
        return {"models": {"pageInfo": page, "edges": nodes}}

    def _createProject(self, given: dict[str, Any]) -> dict[str, Any]:
        self.projects.append(given["name"])
        return {"result": {"project": None, "model": None, "inserted": True}}

    def _createCustomChart(self, given: dict[str, Any]) -> dict[str, Any]:
        """One of a name that is there is refused."""
        if given["chartName"] in self.charts:
            raise Refused(f"a chart {given['chartName']} exists")
        self.charts[given["chartName"]] = given
        return {"createCustomChart": {"chart": {"id": given["chartName"]}}}

    def _upsertView2(self, given: dict[str, Any]) -> dict[str, Any]:
        return self._upsertView(given)

    def _upsertView(self, given: dict[str, Any]) -> dict[str, Any]:
        """What the server keeps of a workspace or a report; one of a known id takes the place of that."""
        number = given.get("id") or f"view{len(self.views)}"
        fresh = number not in self.views
        self.views[number] = given
        project = {"id": "p", "name": given["projectName"], "entityName": given["entityName"]}
        told = {name: given[name] for name in ("name", "displayName", "description", "type", "spec")}
        return {"upsertView": {"view": {"id": number, "project": project, **told}, "inserted": fresh}}

    def _place(self, artifact: str, name: str) -> dict[str, Any]:
        where = f"{_name(self.artifacts[int(artifact)])}/{name}"
        return {
            "id": where, "name": name, "displayName": name, "storagePath": None, "uploadHeaders": [],
            "uploadUrl": f"{self.url}/artifact/{where}", "artifact": {"id": artifact},
        }  # fmt: skip


def _name(artifact: dict[str, Any]) -> str:
    name: str = artifact["artifactCollectionName"]
    return name
