"""Jobs end, and CronJobs make them."""

import json

JOBS = """
apiVersion: batch/v1
kind: Job
metadata: {name: indexed}
spec:
  completions: 3
  parallelism: 2
  completionMode: Indexed
  template:
    spec:
      restartPolicy: Never
      subdomain: jobs
      containers:
      - {name: c, image: busybox, command: [sh, -c, 'echo $JOB_COMPLETION_INDEX of $(hostname)']}
---
apiVersion: batch/v1
kind: Job
metadata: {name: failing}
spec:
  backoffLimit: 3
  podFailurePolicy:
    rules:
    - {action: FailJob, onExitCodes: {operator: In, values: [42]}}
  template:
    spec:
      restartPolicy: Never
      containers: [{name: c, image: busybox, command: [sh, -c, 'exit 42']}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: endless}
spec:
  completions: 2
  parallelism: 2
  activeDeadlineSeconds: 600
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 1
      containers: [{name: c, image: busybox, command: [sleep, '1000']}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: yearly}
spec:
  schedule: '@yearly'
  timeZone: Europe/Berlin
  jobTemplate:
    spec:
      ttlSecondsAfterFinished: 0
      template:
        spec:
          restartPolicy: OnFailure
          containers: [{name: c, image: busybox, command: ['true']}]
"""


def _get(kubectl, *words):
    return json.loads(kubectl.ok("get", *words, "-o", "json"))


def _conditions(kubectl, job):
    conditions = _get(kubectl, "job", job)["status"].get("conditions", ())
    return [(c["type"], c["reason"]) for c in conditions if c["status"] == "True"]


def test_jobs_complete_fail_pause_and_go(new_kubectl, eventually):
    kubectl = new_kubectl
    kubectl.ok("apply", "-f", "-", stdin=JOBS)

    kubectl.ok("wait", "--for=condition=complete", "job/indexed", "--timeout=120s")
    status = _get(kubectl, "job", "indexed")["status"]
    assert (status["completedIndexes"], status["succeeded"]) == ("0-2", 3)
    (second,) = _get(kubectl, "pods", "-l", "batch.kubernetes.io/job-completion-index=1")["items"]
    assert kubectl.ok("logs", second["metadata"]["name"]).strip() == "1 of indexed-1"
    assert "finalizers" not in second["metadata"]

    kubectl.ok("wait", "--for=condition=failed", "job/failing", "--timeout=120s")
    assert ("Failed", "PodFailurePolicy") in _conditions(kubectl, "failing")

    kubectl.ok("wait", "--for=jsonpath={.status.ready}=2", "job/endless", "--timeout=120s")
    kubectl.ok("patch", "job", "endless", "-p", '{"spec":{"suspend":true}}')
    eventually(lambda: not _get(kubectl, "pods", "-l", "job-name=endless")["items"])
    assert _conditions(kubectl, "endless") == [("Suspended", "JobSuspended")]

    kubectl.ok("create", "job", "now", "--from=cronjob/yearly")
    eventually(lambda: "job.batch/now" not in kubectl.ok("get", "jobs", "-o", "name"))


def test_a_namespace_goes_with_the_jobs_that_run_in_it(cluster, namespace):
    cluster.ok("create", "namespace", f"{namespace}-jobs")
    cluster.apply(JOBS, f"{namespace}-jobs")
    cluster.wait("jsonpath={.status.active}=2", "job/endless", "-n", f"{namespace}-jobs")

    cluster.ok("delete", "namespace", f"{namespace}-jobs", "--timeout=120s")
