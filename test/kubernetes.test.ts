import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { Service } from 'kubernetes-models/v1/Service';
import { parse } from 'yaml';
import { readConfig } from '../src/config/settings.ts';

const folder = new URL('../deploy/kubernetes/', import.meta.url);
const read = (file: string): any => parse(readFileSync(new URL(file, folder), 'utf8'));
const files = readdirSync(folder).filter((file) => file !== 'kustomization.yaml');
const manifests = new Map(files.map((file) => [read(file).kind as string, read(file)]));

const models: Readonly<Record<string, new (manifest: any) => { validate(): void }>> = {
  ConfigMap,
  Deployment,
  NetworkPolicy,
  PodDisruptionBudget,
  Service,
  ServiceMonitor,
};

const validate = (manifest: any) => {
  const Model = models[manifest.kind];
  if (Model === undefined) throw new Error(`No schema for ${manifest.kind}.`);
  new Model(manifest).validate();
};

const { spec: deployment } = manifests.get('Deployment');
const pod = deployment.template.spec;
const [container] = pod.containers;

describe('the Kubernetes manifests', () => {
  test.each(files)('%s is valid according to the schema of its kind', (file) => {
    expect(() => validate(read(file))).not.toThrow();
  });

  test('a misspelt field is invalid', () => {
    const manifest = structuredClone(manifests.get('Deployment'));
    manifest.spec.replicas = 'two';

    expect(() => validate(manifest)).toThrow();
  });

  test('the kustomization lists every manifest', () => {
    expect(read('kustomization.yaml').resources.toSorted()).toEqual(files.toSorted());
  });

  test('every selector matches the labels of the pods', () => {
    const labels = deployment.template.metadata.labels;
    const selectors = [
      deployment.selector.matchLabels,
      manifests.get('Service').spec.selector,
      manifests.get('PodDisruptionBudget').spec.selector.matchLabels,
      manifests.get('NetworkPolicy').spec.podSelector.matchLabels,
      pod.topologySpreadConstraints[0].labelSelector.matchLabels,
    ];

    for (const selector of selectors) expect(selector).toEqual(labels);
    expect(manifests.get('ServiceMonitor').spec.selector.matchLabels).toEqual(
      manifests.get('Service').metadata.labels,
    );
  });

  test('the pod runs without privileges, with a read-only file system', () => {
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 });
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  test('the settings of the ConfigMap start a gateway that has time to drain', () => {
    const { data } = manifests.get('ConfigMap');
    const secrets = Object.fromEntries(
      Object.keys(data)
        .filter((name) => name.endsWith('_FILE'))
        .map((name) => [name.replace(/_FILE$/, ''), `redis://127.0.0.1/${name}`]),
    );
    const settings = Object.fromEntries(
      Object.entries<string>(data).filter(([name]) => !name.endsWith('_FILE')),
    );
    const image = { HOST: '0.0.0.0', NODE_ENV: 'production' };

    const { shutdown } = readConfig({ ...image, ...settings, ...secrets });

    expect(pod.terminationGracePeriodSeconds * 1_000).toBeGreaterThan(
      shutdown.delayMs + shutdown.graceMs,
    );
    // The pod must be removed from the service while it still accepts requests.
    const { periodSeconds, failureThreshold } = container.readinessProbe;
    expect(periodSeconds * failureThreshold * 1_000).toBeLessThan(shutdown.delayMs);
  });

  test('the secrets are mounted where the settings expect them', () => {
    const [{ mountPath }] = container.volumeMounts;
    const { data } = manifests.get('ConfigMap');
    const paths = Object.entries<string>(data).filter(([name]) => name.endsWith('_FILE'));

    expect(paths.length).toBeGreaterThan(2);
    for (const [, path] of paths) expect(path.startsWith(`${mountPath}/`)).toBe(true);
  });

  test('the probes use the health endpoints, and liveness does not depend on readiness', () => {
    const probeOf = (name: string) => container[name].httpGet;

    expect(['startupProbe', 'livenessProbe', 'readinessProbe'].map(probeOf)).toEqual([
      { path: '/healthz', port: 'metrics' },
      { path: '/healthz', port: 'metrics' },
      { path: '/readyz', port: 'metrics' },
    ]);
  });

  test('Prometheus reaches the port of the metrics, and the ingress controller only the other one', () => {
    const { data } = manifests.get('ConfigMap');
    const { host, port } = readConfig({
      METRICS_HOST: data.METRICS_HOST,
      METRICS_PORT: data.METRICS_PORT,
    }).metricsServer;
    const ingress = parse(readFileSync(new URL('../ingress.yaml', folder), 'utf8'));
    const portsFrom = (namespace: string) =>
      manifests
        .get('NetworkPolicy')
        .spec.ingress.filter(({ from }: any) =>
          from.some(
            (peer: any) =>
              peer.namespaceSelector.matchLabels['kubernetes.io/metadata.name'] === namespace,
          ),
        )
        .flatMap(({ ports }: any) => ports.map((entry: any) => entry.port));

    expect({ host, ports: container.ports }).toEqual({
      host: '0.0.0.0',
      ports: [
        { name: 'http', containerPort: 4_000 },
        { name: 'metrics', containerPort: port },
      ],
    });
    expect(manifests.get('Service').spec.ports).toEqual([
      { name: 'http', port: 80, targetPort: 'http' },
      { name: 'metrics', port, targetPort: 'metrics' },
    ]);
    expect(manifests.get('ServiceMonitor').spec.endpoints).toMatchObject([
      { port: 'metrics', path: '/metrics' },
    ]);
    expect(portsFrom('monitoring')).toEqual(['metrics']);
    expect(portsFrom('ingress-nginx')).toEqual(['http']);
    expect(ingress.spec.rules[0].http.paths[0].backend.service.port).toEqual({ name: 'http' });
  });
});
