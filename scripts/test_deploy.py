"""Checks the files of deploy/ against schemas, against one another and against the metrics of a running service.

Enters: a file with the service's metrics. Leaves: one line for each thing that was checked, or the first that is wrong.
"""

import json
import re
import sys
import tomllib
from pathlib import Path

import kubernetes_validate
import yaml
from compose_spec import PyCompose

DEPLOY = Path("deploy")
KUBERNETES_VERSION = "1.36"
DOCKERFILE = Path("Dockerfile").read_text()
# Exported only by a service whose model came from a registry.
OF_REGISTRY = {"slirec_registry_model_info"}
SETTINGS = tomllib.loads(Path("config/server.toml").read_text())


def check(condition, message):
    if not condition:
        sys.exit(f"error: {message}")


def families(text):
    """Names of the series that a service exports."""
    return set(re.findall(r"^(slirec_\w+?)(?:\{| )", text, re.MULTILINE))


def check_names(name, text, known):
    used = set(re.findall(r"\bslirec_\w+", text))
    check(used, f"{name} names no metric")
    check(used <= known, f"{name} names {sorted(used - known)}: the service has no such metrics")
    print(f"{name}: {len(used)} metrics, all of them exported")


def check_kubernetes():
    check_manifests("kubernetes/slirec.yaml", list(yaml.safe_load_all((DEPLOY / "kubernetes/slirec.yaml").read_text())))


def check_cuda():
    """What `kubectl kustomize deploy/kubernetes/cuda` makes: the same service with a card for each replica."""
    folder = DEPLOY / "kubernetes/cuda"
    documents = built(folder)
    check_manifests("kubernetes/cuda", documents)
    kinds = [document["kind"] for document in documents]
    check("HorizontalPodAutoscaler" not in kinds, "kubernetes/cuda: scales by processor time")
    deployment = documents[kinds.index("Deployment")]["spec"]
    pod = deployment["template"]["spec"]
    container = pod["containers"][0]
    limits = container["resources"]["limits"]
    check(limits.get("nvidia.com/gpu") == "1", f"kubernetes/cuda: limits {limits}: expected one card")
    environment = {entry["name"]: entry.get("value") for entry in container["env"]}
    providers = environment["SLIREC__ENGINE__EXECUTION_PROVIDERS"].split(",")
    check(providers[0] == "cuda", f"kubernetes/cuda: runs on {providers}")
    check(environment.get("SLIREC__ENGINE__REQUIRE_PROVIDER", "true") == "true", "kubernetes/cuda: may run without its card")
    check(deployment["replicas"] > 1 and "tolerations" in pod, "kubernetes/cuda: replicas or tolerations are missing")
    check("ARG CUDA" in DOCKERFILE, "kubernetes/cuda: the Dockerfile makes no such image")
    print(f"kubernetes/cuda: {container['image']} with {limits['nvidia.com/gpu']} card")


def built(folder):
    """The documents of a kustomization: strategic merges, in which lists of named things are merged by name."""
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    documents = []
    for resource in kustomization["resources"]:
        path = folder / resource
        documents += built(path) if path.is_dir() else list(yaml.safe_load_all(path.read_text()))
    for patch in kustomization.get("patches", []):
        change = yaml.safe_load((folder / patch["path"]).read_text())
        key = (change["kind"], change["metadata"]["name"])
        (patched,) = [document for document in documents if (document["kind"], document["metadata"]["name"]) == key]
        documents.remove(patched)
        if change.get("$patch") != "delete":
            documents.append(merged(patched, change))
    return documents


def merged(before, change):
    if isinstance(before, dict) and isinstance(change, dict):
        return before | {key: merged(before[key], value) if key in before else value for key, value in change.items()}
    if isinstance(before, list) and all(isinstance(entry, dict) and "name" in entry for entry in before + change):
        by_name = {entry["name"]: entry for entry in before}
        return list((by_name | {entry["name"]: merged(by_name.get(entry["name"]), entry) for entry in change}).values())
    return change


def check_manifests(name, documents):
    for document in documents:
        kubernetes_validate.validate(document, KUBERNETES_VERSION, strict=True)
    kinds = sorted(document["kind"] for document in documents)
    by_kind = {document["kind"]: document for document in documents}
    pod = by_kind["Deployment"]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    check(ports["admin"] == ports["http"] + 1000, "the admin port is not where the service puts it")
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        check(probe in container, f"the deployment has no {probe}")
        check(container[probe]["httpGet"]["port"] == "admin", f"the {probe} does not ask the admin address")
    template = by_kind["Deployment"]["spec"]["template"]
    scraped = template["metadata"]["annotations"]["prometheus.io/port"]
    check(scraped == str(ports["admin"]), "metrics are scraped from another port than the admin address")
    check({"requests", "limits"} <= set(container["resources"]), "the deployment has no requests or limits")
    delay = next(int(entry["value"]) for entry in container["env"] if entry["name"].endswith("DRAIN_DELAY_SECONDS"))
    drain = default("server", "drain_seconds")
    check(pod["terminationGracePeriodSeconds"] > delay + drain, "the grace period is shorter than the drain")
    print(f"{name}: {', '.join(kinds)}, valid for Kubernetes {KUBERNETES_VERSION}")
    check_settings(name, container["env"])
    check_image(name, container, {**pod["securityContext"], **container["securityContext"]})


def check_kserve():
    service, runtime = yaml.safe_load_all((DEPLOY / "kubernetes/kserve.yaml").read_text())
    check(service["kind"] == "InferenceService" and runtime["kind"] == "ServingRuntime", "kserve.yaml: other kinds")
    model = service["spec"]["predictor"]["model"]
    check(model["runtime"] == runtime["metadata"]["name"], "kserve.yaml: the service names another runtime")
    formats = [known["name"] for known in runtime["spec"]["supportedModelFormats"]]
    check(model["modelFormat"]["name"] in formats, "kserve.yaml: the runtime does not know the service's format")
    check(model["protocolVersion"] in runtime["spec"]["protocolVersions"], "kserve.yaml: another protocol")
    container = runtime["spec"]["containers"][0]
    check_settings("kubernetes/kserve.yaml", container["env"])
    check_image("kubernetes/kserve.yaml", container, container["securityContext"])
    print("kubernetes/kserve.yaml: service and runtime fit")


def of_image(instruction):
    """The value of the last such instruction: the image's own."""
    return int(re.findall(rf"^{instruction} (\d+)$", DOCKERFILE, re.MULTILINE)[-1])


def check_image(name, container, context):
    """Users and ports are those of the Dockerfile."""
    user, port = of_image("USER"), of_image("EXPOSE")
    check(context["runAsUser"] == context["runAsGroup"] == user, f"{name}: another user or group than the image's {user}")
    check(container["ports"][0]["containerPort"] == port, f"{name}: another port than the image's {port}")


def check_settings(name, environment):
    """Every SLIREC__ variable is a key of the configuration."""
    for entry in environment:
        path = entry["name"].lower().removeprefix("slirec__").split("__")
        check(path[1] in SETTINGS.get(path[0], {}), f"{name}: {entry['name']} is no setting")


def default(section, key):
    """The default of a setting."""
    return SETTINGS[section][key]


def check_systemd():
    """`systemd-analyze` has verified the unit; here it is compared with the settings."""
    text = (DEPLOY / "systemd/slirec.service").read_text()
    check_settings("systemd/slirec.service", [{"name": name} for name in re.findall(r"\b(SLIREC__\w+)=", text)])
    stop, files = (int(re.search(rf"^{key}=(\d+)$", text, re.MULTILINE).group(1)) for key in ("TimeoutStopSec", "LimitNOFILE"))
    drain = default("server", "drain_delay_seconds") + default("server", "drain_seconds")
    check(stop > drain + 5, f"systemd/slirec.service: stops after {stop} s, while the drain takes {drain} s")
    connections = default("server", "max_connections")
    check(files > 2 * connections, f"systemd/slirec.service: {files} files for {connections} connections")
    print(f"systemd/slirec.service: stops within {stop} s")


def check_compose():
    text = (DEPLOY / "compose.yml").read_text()
    document = yaml.safe_load(text)
    PyCompose.from_yaml(text).validate()
    environment = [{"name": name} for name in document["services"]["slirec"]["environment"]]
    check_settings("compose.yml", environment)
    port = of_image("EXPOSE")
    (published,) = document["services"]["slirec"]["ports"]
    check(published.endswith(f":{port}"), f"compose.yml: another port than the image's {port}")
    for service in document["services"].values():
        for volume in service.get("volumes", []):
            source = DEPLOY / volume.split(":")[0]
            check(source.exists(), f"compose.yml mounts {source}, which is not there")
    print(f"compose.yml: {', '.join(document['services'])}, valid")


def main():
    known = families(Path(sys.argv[1]).read_text())
    bases = {re.sub(r"_(bucket|sum|count)$", "", name) for name in known}
    check_names("prometheus/rules.yml", (DEPLOY / "prometheus/rules.yml").read_text(), known)
    dashboard = json.loads((DEPLOY / "grafana/slirec.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    check_names("grafana/slirec.json", "\n".join(queries), known)
    manual = Path("docs/OPERATION.md").read_text()
    check_names("docs/OPERATION.md", manual, bases | OF_REGISTRY)
    missing = bases - set(re.findall(r"\bslirec_\w+", manual))
    check(not missing, f"docs/OPERATION.md does not explain {sorted(missing)}")
    for file in (*DEPLOY.rglob("*.yml"), *DEPLOY.rglob("*.yaml")):
        list(yaml.safe_load_all(file.read_text()))
    check_kubernetes()
    check_cuda()
    check_kserve()
    check_compose()
    check_systemd()


if __name__ == "__main__":
    main()
