"""Runs DigitalOcean's official Python client, pydo, against the sandbox and asserts what comes back.

Usage: pydo_calls.py BASE_URL TOKEN. Prints one line for each group of calls; any failed assertion ends it.
"""

import sys
import time

from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import HeadersPolicy
from pydo import Client

BASE, TOKEN = sys.argv[1], sys.argv[2]
KEY = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl judge@example.com"
)
IDS = {403: "forbidden", 404: "not_found", 409: "conflict", 422: "unprocessable_entity"}
client = Client(
    TOKEN,
    authentication_policy=HeadersPolicy({"Authorization": f"Bearer {TOKEN}"}),
    endpoint=BASE,
)


def group(name):
    print(f"pydo: {name}", flush=True)


def refused(status, call, *args, **kwargs):
    """Runs a call that must be refused with that status; pydo raises, or hands back the error's body."""
    try:
        answer = call(*args, **kwargs)
    except HttpResponseError as err:
        assert err.status_code == status, (err.status_code, str(err))
        return
    assert isinstance(answer, dict) and answer.get("id") == IDS[status] and answer["message"], answer


def done(action_id):
    """Polls an action as the Terraform provider does, only faster."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        action = client.actions.get(action_id)["action"]
        if action["completed_at"] is not None:
            assert action["status"] == "completed", action
            return action
        time.sleep(0.02)
    raise AssertionError(f"action {action_id} never ended")


def act(droplet, **body):
    action = client.droplet_actions.post(droplet, body)["action"]
    assert action["resource_id"] == droplet and action["status"] == "in-progress", action
    same = client.droplet_actions.get(droplet, action["id"])["action"]
    assert same["id"] == action["id"]
    return done(action["id"])


def whole(call, key, **kwargs):
    """Follows the pages until the links end, and holds the number against meta.total."""
    items, page = [], 1
    while True:
        answer = call(page=page, per_page=3, **kwargs)
        items += answer[key]
        if "next" not in answer["links"].get("pages", {}):
            assert len(items) == answer["meta"]["total"], (len(items), answer["meta"])
            return items
        page += 1


def account_and_catalogue():
    group("account, regions, sizes, images")
    account = client.account.get()["account"]
    assert account["status"] == "active" and account["team"]["uuid"], account
    regions = {region["slug"]: region for region in whole(client.regions.list, "regions")}
    assert regions["sgp1"]["available"] and "s-2vcpu-4gb" in regions["sgp1"]["sizes"]
    sizes = {size["slug"]: size for size in whole(client.sizes.list, "sizes")}
    assert sizes["s-2vcpu-4gb"]["price_monthly"] == 24 and sizes["s-4vcpu-8gb"]["price_monthly"] == 48
    images = {image["slug"]: image for image in whole(client.images.list, "images")}
    image = images["ubuntu-22-04-x64"]
    assert client.images.get(image["id"])["image"]["slug"] == "ubuntu-22-04-x64"
    assert client.images.get("debian-12-x64")["image"]["distribution"] == "Debian"


def ssh_keys():
    group("ssh keys")
    key = client.ssh_keys.create({"name": "judge", "public_key": KEY})["ssh_key"]
    assert key["fingerprint"].count(":") == 15, key
    refused(422, client.ssh_keys.create, {"name": "again", "public_key": KEY})
    assert client.ssh_keys.get(key["fingerprint"])["ssh_key"]["id"] == key["id"]
    client.ssh_keys.update(key["id"], {"name": "renamed"})
    assert client.ssh_keys.list()["ssh_keys"][0]["name"] == "renamed"
    return key


def vpcs():
    group("vpcs")
    create = client.vpcs.create
    first = create({"name": "judge-one", "region": "sgp1", "ip_range": "10.114.0.0/16"})["vpc"]
    assert first["default"] is True and first["urn"] == f"do:vpc:{first['id']}", first
    second = create({"name": "judge-two", "region": "sgp1", "ip_range": "10.115.0.0/20"})["vpc"]
    assert second["default"] is False
    refused(422, create, {"name": "judge-three", "region": "sgp1", "ip_range": "10.115.8.0/24"})
    refused(422, create, {"name": "judge-two", "region": "sgp1"})
    refused(422, create, {"name": "judge-four", "region": "sgp1", "ip_range": "10.116.0.0/29"})
    refused(403, client.vpcs.delete, first["id"])
    patched = client.vpcs.patch(second["id"], {"description": "by hand"})["vpc"]
    assert patched["description"] == "by hand" and patched["name"] == "judge-two"
    updated = client.vpcs.update(second["id"], {"name": "judge-2", "description": "put"})["vpc"]
    assert updated["name"] == "judge-2" and updated["ip_range"] == "10.115.0.0/20"
    assert len(whole(client.vpcs.list, "vpcs")) == 2
    return second


def droplets(key, vpc):
    group("droplets and their actions")
    body = {
        "name": "judge.example.com",
        "region": "sgp1",
        "size": "s-1vcpu-1gb",
        "image": "ubuntu-22-04-x64",
        "ssh_keys": [key["id"], key["fingerprint"]],
        "backups": True,
        "backup_policy": {"plan": "weekly", "weekday": "SUN", "hour": 4},
        "monitoring": True,
        "tags": ["Judge", "judge", "env:test"],
        "user_data": "#cloud-config\n",
        "vpc_uuid": vpc["id"],
    }
    made = client.droplets.create(body)
    droplet = made["droplet"]["id"]
    assert made["droplet"]["status"] == "new" and made["droplet"]["networks"]["v4"] == []
    link = made["links"]["actions"][0]
    assert link["rel"] == "create"
    refused(422, client.droplet_actions.post, droplet, {"type": "power_off"})
    done(link["id"])
    up = client.droplets.get(droplet)["droplet"]
    assert up["status"] == "active" and not up["locked"], up
    assert up["tags"] == ["Judge", "env:test"] and up["vpc_uuid"] == vpc["id"]
    kinds = {net["type"]: net["ip_address"] for net in up["networks"]["v4"]}
    assert kinds["private"].startswith("10.115.") and kinds["public"], kinds
    assert {"backups", "monitoring"} <= set(up["features"]) and "user_data" not in up

    refused(422, client.droplet_actions.post, droplet, {"type": "resize", "size": "s-2vcpu-4gb"})
    act(droplet, type="power_off")
    refused(422, client.droplet_actions.post, droplet, {"type": "power_off"})
    act(droplet, type="resize", size="s-2vcpu-4gb", disk=True)
    refused(422, client.droplet_actions.post, droplet, {"type": "resize", "size": "s-1vcpu-1gb"})
    act(droplet, type="power_on")
    act(droplet, type="rename", name="renamed.example.com")
    act(droplet, type="enable_ipv6")
    act(droplet, type="change_backup_policy", backup_policy={"plan": "daily", "hour": 20})
    act(droplet, type="snapshot", name="judge-snapshot")
    now = client.droplets.get(droplet)["droplet"]
    assert (now["name"], now["size_slug"], now["disk"]) == ("renamed.example.com", "s-2vcpu-4gb", 80)
    assert now["networks"]["v6"] and len(now["snapshot_ids"]) == 1

    policies = client.droplets.list_backup_policies()["policies"]
    assert policies[str(droplet)]["backup_policy"]["plan"] == "daily", policies
    assert client.droplets.get_backup_policy(droplet)["policy"]["backup_enabled"] is True
    assert len(client.droplets.list_supported_backup_policies()["supported_policies"]) == 2
    assert client.droplets.list_snapshots(droplet)["snapshots"][0]["name"] == "judge-snapshot"
    act(droplet, type="disable_backups")
    assert client.droplets.get_backup_policy(droplet)["policy"]["backup_enabled"] is False
    assert len(client.droplet_actions.list(droplet)["actions"]) > 5
    assert len(client.actions.list(per_page=2)["actions"]) == 2
    assert [one["id"] for one in client.droplets.list(name="RENAMED.example.com")["droplets"]] == [droplet]
    assert client.droplets.list_backups(droplet)["backups"] == []
    assert client.droplets.list_kernels(droplet)["kernels"] == []
    return droplet


def gpu_droplets():
    group("gpu droplets are missing unless asked for")
    body = {"name": "gpu", "region": "tor1", "size": "gpu-h100x1-80gb", "image": "gpu-h100x1-base"}
    made = client.droplets.create(body)
    done(made["links"]["actions"][0]["id"])
    gpu = made["droplet"]["id"]
    assert gpu not in [one["id"] for one in client.droplets.list()["droplets"]]
    assert [one["id"] for one in client.droplets.list(type="gpus")["droplets"]] == [gpu]
    client.droplets.destroy(gpu)


def tags(droplet):
    group("tags")
    assert client.tags.create({"name": "fleet"})["tag"]["name"] == "fleet"
    assert client.tags.create({"name": "FLEET"})["tag"]["name"] == "fleet"
    resources = {"resources": [{"resource_id": str(droplet), "resource_type": "droplet"}]}
    client.tags.assign_resources("fleet", resources)
    tag = client.tags.get("fleet")["tag"]
    assert tag["resources"]["droplets"]["count"] == 1, tag
    assert [one["id"] for one in client.droplets.list(tag_name="Fleet")["droplets"]] == [droplet]
    client.tags.unassign_resources("fleet", resources)
    assert client.droplets.list(tag_name="fleet")["droplets"] == []
    assert {"Judge", "env:test", "fleet"} <= {tag["name"] for tag in whole(client.tags.list, "tags")}


def firewalls(droplet):
    group("firewalls")
    anywhere = {"addresses": ["0.0.0.0/0", "::/0"]}
    body = {
        "name": "judge-firewall",
        "inbound_rules": [
            {"protocol": "tcp", "ports": "22", "sources": anywhere},
            {"protocol": "tcp", "ports": "all", "sources": {"tags": ["fleet"]}},
            {"protocol": "icmp", "ports": "", "sources": anywhere},
        ],
        "outbound_rules": [{"protocol": "udp", "ports": "all", "destinations": anywhere}],
        "droplet_ids": [droplet],
        "tags": ["fleet"],
    }
    made = client.firewalls.create(body)["firewall"]
    assert made["status"] == "waiting" and made["pending_changes"][0]["droplet_id"] == droplet, made
    assert [rule["ports"] for rule in made["inbound_rules"]] == ["22", "0", "0"]
    refused(409, client.firewalls.create, body)
    refused(422, client.firewalls.create, dict(body, name="under_score"))
    refused(422, client.firewalls.create, dict(body, name="no-such-tag", tags=["never"]))
    twice = body["inbound_rules"] + body["inbound_rules"][:1]
    refused(422, client.firewalls.create, dict(body, name="twice", inbound_rules=twice))
    which = made["id"]
    client.firewalls.add_rules(
        which, {"inbound_rules": [{"protocol": "tcp", "ports": "8000-9000", "sources": anywhere}]}
    )
    assert len(client.firewalls.get(which)["firewall"]["inbound_rules"]) == 4
    client.firewalls.delete_tags(which, {"tags": ["fleet"]})
    client.firewalls.delete_droplets(which, {"droplet_ids": [droplet]})
    client.firewalls.add_tags(which, {"tags": ["fleet"]})
    client.firewalls.assign_droplets(which, {"droplet_ids": [droplet]})
    assert client.droplets.list_firewalls(droplet)["firewalls"][0]["id"] == which
    replaced = client.firewalls.update(
        which, {"name": "judge-firewall", "inbound_rules": body["inbound_rules"][:1]}
    )["firewall"]
    assert replaced["tags"] == [] and replaced["droplet_ids"] == [] and replaced["outbound_rules"] == []
    assert len(whole(client.firewalls.list, "firewalls")) == 1
    client.firewalls.delete(which)
    refused(404, client.firewalls.get, which)


def domains():
    group("domains and records")
    client.domains.create({"name": "judge.example", "ip_address": "203.0.113.9"})
    refused(422, client.domains.create, {"name": "judge.example"})
    assert "IN NS ns1.digitalocean.com." in client.domains.get("judge.example")["domain"]["zone_file"]
    assert [one["name"] for one in whole(client.domains.list, "domains")] == ["judge.example"]

    def listed(**kwargs):
        return client.domains.list_records("judge.example", **kwargs)["domain_records"]

    def post(**body):
        return client.domains.create_record("judge.example", body)["domain_record"]

    kinds = [(one["type"], one["ttl"]) for one in listed()]
    assert kinds.count(("NS", 1800)) == 3 and ("SOA", 1800) in kinds and ("A", 1800) in kinds, kinds
    one = post(type="A", name="www", data="203.0.113.10", ttl=300)
    two = post(type="A", name="www", data="203.0.113.10", ttl=300)
    assert one["id"] != two["id"]
    assert post(type="CNAME", name="blog", data="judge.example.")["data"] == "@"
    assert post(type="MX", name="@", data="mail.example.com.", priority=10)["data"] == "mail.example.com"
    srv = post(type="SRV", name="_sip._tcp", data="sip.example.com.", priority=1, weight=2, port=5060)
    assert (srv["weight"], srv["port"]) == (2, 5060)
    caa = post(type="CAA", name="@", data="letsencrypt.org.", flags=0, tag="issue")
    assert (caa["data"], caa["flags"], caa["tag"]) == ("letsencrypt.org", 0, "issue")
    post(type="TXT", name="@", data="v=spf1 -all")
    post(type="AAAA", name="www", data="2001:db8::1", ttl=600)
    assert {each["ttl"] for each in listed(name="www.judge.example")} == {600}
    assert listed(name="www") == []
    refused(422, post, type="CNAME", name="www", data="example.com.")
    refused(422, post, type="CNAME", name="dotless", data="example.com")
    refused(422, post, type="TXT", name="@", data="")
    patched = client.domains.patch_record(
        "judge.example", one["id"], {"type": "A", "data": "203.0.113.11"}
    )["domain_record"]
    assert patched["data"] == "203.0.113.11" and patched["ttl"] == 600
    put = client.domains.update_record("judge.example", one["id"], {"type": "A", "ttl": 120})
    assert put["domain_record"]["ttl"] == 120
    refused(422, client.domains.patch_record, "judge.example", one["id"], {"type": "AAAA"})
    client.domains.delete_record("judge.example", two["id"])
    refused(404, client.domains.get_record, "judge.example", two["id"])
    client.domains.delete("judge.example")
    refused(404, client.domains.get, "judge.example")


def clean_up(droplet, key, vpc):
    group("deletion, down to the vpc's last member")
    members = client.vpcs.list_members(vpc["id"])["members"]
    assert [member["urn"] for member in members] == [f"do:droplet:{droplet}"]
    refused(409, client.vpcs.delete, vpc["id"])
    client.droplets.destroy(droplet)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        gone = droplet not in [one["id"] for one in client.droplets.list()["droplets"]]
        if gone:
            break
        time.sleep(0.02)
    refused(404, client.droplets.get, droplet)
    while time.monotonic() < deadline:
        try:
            client.vpcs.delete(vpc["id"])
            break
        except HttpResponseError as err:
            assert err.status_code == 409, err
            time.sleep(0.02)
    refused(404, client.vpcs.get, vpc["id"])
    client.ssh_keys.delete(key["id"])
    client.tags.delete("fleet")
    refused(404, client.tags.get, "fleet")


def main():
    account_and_catalogue()
    key, vpc = ssh_keys(), vpcs()
    droplet = droplets(key, vpc)
    gpu_droplets()
    tags(droplet)
    firewalls(droplet)
    domains()
    clean_up(droplet, key, vpc)
    print("pydo: all calls answered as expected")


main()
