// Package deploy has what Trapline is deployed with, and the tests of it.
package deploy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"trapline/internal/cluster"
	"trapline/internal/peers"
)

func read(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// readStrictly reads the documents of a file, which have no keys that the type lacks.
func readStrictly[T any](t *testing.T, name string) (documents []T) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	for {
		var one T
		switch err := d.Decode(&one); {
		case errors.Is(err, io.EOF):
			return documents
		case err != nil:
			t.Fatalf("%s: %v", name, err)
		}
		documents = append(documents, one)
	}
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestPrometheusTakesItsFiles(t *testing.T) {
	promtool := peers.Require(t, "promtool", "prometheus")
	run(t, promtool, "check", "rules", "prometheus/trapline.rules.yml")
	run(t, promtool, "check", "rules", "../examples/alertmanager/rules.yml")
	run(t, promtool, "check", "config", "--syntax-only", "compose/prometheus.yml")
	run(t, promtool, "check", "config", "../examples/alertmanager/prometheus.yml")
	amtool := peers.Require(t, "amtool", "prometheus-alertmanager")
	run(t, amtool, "check-config", "compose/alertmanager.yml")
	run(t, amtool, "check-config", "../examples/alertmanager/alertmanager.yml")
}

// The alerting rules ask for metrics that exist.
func TestAlertsAskForMetrics(t *testing.T) {
	known, err := os.ReadFile("../docs/reference/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := os.ReadFile("prometheus/trapline.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`\btrapline_\w+`).FindAllString(string(rules), -1) {
		if !strings.Contains(string(known), "`"+strings.TrimSuffix(name, "_bucket")+"`") {
			t.Errorf("the alerting rules ask for %s, which docs/reference/metrics.md does not have", name)
		}
	}
}

func TestUnit(t *testing.T) {
	analyze := peers.Require(t, "systemd-analyze", "systemd")
	text, err := os.ReadFile("systemd/trapline.service")
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "trapline.service")
	if err := os.WriteFile(unit, []byte(strings.Replace(string(text), "/usr/bin/trapline", "/bin/true", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := run(t, analyze, "verify", "--man=no", unit); out != "" {
		t.Error(out)
	}
	run(t, analyze, "security", "--offline=true", "--threshold=20", unit) // of 100; a unit without settings has 96
}

// composition is a file of Compose, with the keys that ours have.
type composition struct {
	Name     string
	Member   service `yaml:"x-member"`
	Services map[string]service
	Volumes  map[string]struct{}
}

type service struct {
	Image, Hostname         string
	Build                   struct{ Context string }
	Command, Ports, Volumes []string
	Environment             map[string]string
	ReadOnly                bool   `yaml:"read_only"`
	StopGracePeriod         string `yaml:"stop_grace_period"`
	NetworkMode             string `yaml:"network_mode"`
	Restart                 string
}

func TestComposition(t *testing.T) {
	for dir, services := range map[string][]string{
		"compose":         {"trapline", "devices", "snmptrapd", "prometheus", "alertmanager", "grafana"},
		"compose-cluster": {"poller-1", "poller-2", "poller-3", "devices"},
	} {
		c := readStrictly[composition](t, dir+"/compose.yaml")[0]
		for _, name := range services {
			if _, ok := c.Services[name]; !ok {
				t.Errorf("%s: no service %s", dir, name)
			}
		}
		for name, s := range c.Services {
			_, tag, tagged := strings.Cut(s.Image, ":")
			if s.Image != "trapline" && s.Build.Context == "" && (!tagged || tag == "latest") {
				t.Errorf("%s: image %q is not pinned", name, s.Image)
			}
			for _, v := range s.Volumes {
				source, _, _ := strings.Cut(v, ":")
				if _, declared := c.Volumes[source]; declared {
					continue
				}
				if _, err := os.Stat(filepath.Join(dir, source)); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			if s.Build.Context != "" {
				if _, err := os.Stat(filepath.Join(dir, s.Build.Context, "Dockerfile")); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
}

// The members of the two clusters are those that their files name, and members may have such a cluster.
func TestClusterMembers(t *testing.T) {
	settings := func(file string) cluster.Settings {
		t.Helper()
		var c struct{ Cluster cluster.Settings }
		read(t, file, &c)
		for _, p := range c.Cluster.Problems() {
			t.Errorf("%s: %s: %s", file, p.Path, p.Text)
		}
		return c.Cluster
	}
	c := readStrictly[composition](t, "compose-cluster/compose.yaml")[0]
	for _, member := range settings("compose-cluster/snmp.yml").Members {
		if c.Services[member].Hostname != member {
			t.Errorf("the host name of the service %s is %q", member, c.Services[member].Hostname)
		}
	}
	m := readStrictly[manifest](t, "kubernetes-cluster/statefulset.yaml")[0]
	var want []string
	for i := range m.Spec.Replicas {
		want = append(want, fmt.Sprintf("%s-%d.%s", m.Metadata.Name, i, m.Spec.ServiceName))
	}
	k := settings("kubernetes-cluster/snmp.yml")
	if !slices.Equal(k.Members, want) {
		t.Errorf("members %q, want those of the pods %q", k.Members, want)
	}
	if args := m.Spec.Template.Spec.Containers[0].Args; !slices.Contains(args, "--cluster.member=$(POD)."+m.Spec.ServiceName) {
		t.Errorf("arguments %q", args)
	}
	ports := k.WithDefaults().Ports
	service := readStrictly[manifest](t, "kubernetes-cluster/service.yaml")[0]
	for i, port := range []int{ports.Engine, ports.Peers, ports.Members} {
		if service.Spec.Ports[i].Port != port {
			t.Errorf("port %d of the service, want %d", service.Spec.Ports[i].Port, port)
		}
	}
}

// Grafana's provider and data source are YAML of the version that Grafana reads.
func TestProvisioning(t *testing.T) {
	for _, file := range []string{"grafana/trapline.yaml", "compose/datasource.yaml"} {
		var p struct {
			APIVersion  int `yaml:"apiVersion"`
			Providers   []struct{ Options struct{ Path string } }
			Datasources []struct{ Type, URL string }
		}
		read(t, file, &p)
		if p.APIVersion != 1 || len(p.Providers)+len(p.Datasources) != 1 {
			t.Errorf("%s: %+v", file, p)
		}
	}
}

// manifest is an object of Kubernetes, with the keys that ours have.
type manifest struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   metadata
	Spec       struct {
		ClusterIP                string `yaml:"clusterIP"`
		PublishNotReadyAddresses bool   `yaml:"publishNotReadyAddresses"`
		Ports                    []struct {
			Name       string
			Port       int
			TargetPort string `yaml:"targetPort"`
		}
		MaxUnavailable       int `yaml:"maxUnavailable"`
		Selector             selector
		Replicas             int
		ServiceName          string `yaml:"serviceName"`
		PodManagementPolicy  string `yaml:"podManagementPolicy"`
		Template             struct{ Spec pod }
		VolumeClaimTemplates []struct {
			Metadata metadata
			Spec     struct {
				AccessModes []string `yaml:"accessModes"`
				Resources   resources
			}
		} `yaml:"volumeClaimTemplates"`
	}
}

type metadata struct {
	Name        string
	Annotations map[string]string
}

type selector struct {
	MatchLabels map[string]string `yaml:"matchLabels"`
}

type resources struct{ Requests, Limits map[string]string }

type pod struct {
	AutomountServiceAccountToken  bool       `yaml:"automountServiceAccountToken"`
	TerminationGracePeriodSeconds int        `yaml:"terminationGracePeriodSeconds"`
	SecurityContext               privileges `yaml:"securityContext"`
	Affinity                      struct {
		PodAntiAffinity struct {
			Required []struct {
				TopologyKey   string   `yaml:"topologyKey"`
				LabelSelector selector `yaml:"labelSelector"`
			} `yaml:"requiredDuringSchedulingIgnoredDuringExecution"`
		} `yaml:"podAntiAffinity"`
	}
	Containers []struct {
		Name, Image string
		Args        []string
		Env         []struct {
			Name, Value string
			ValueFrom   struct {
				FieldRef struct {
					FieldPath string `yaml:"fieldPath"`
				} `yaml:"fieldRef"`
			} `yaml:"valueFrom"`
		}
		Ports []struct {
			Name          string
			ContainerPort int `yaml:"containerPort"`
		}
		StartupProbe    probe `yaml:"startupProbe"`
		ReadinessProbe  probe `yaml:"readinessProbe"`
		LivenessProbe   probe `yaml:"livenessProbe"`
		Resources       resources
		SecurityContext privileges `yaml:"securityContext"`
		VolumeMounts    []struct {
			Name      string
			MountPath string `yaml:"mountPath"`
			ReadOnly  bool   `yaml:"readOnly"`
		} `yaml:"volumeMounts"`
	}
	Volumes []struct {
		Name      string
		ConfigMap struct{ Name string } `yaml:"configMap"`
		EmptyDir  struct{}              `yaml:"emptyDir"`
		Secret    struct {
			Name string `yaml:"secretName"`
			Mode int    `yaml:"defaultMode"`
		}
	}
}

type privileges struct {
	RunAsNonRoot             bool                  `yaml:"runAsNonRoot"`
	RunAsUser                int                   `yaml:"runAsUser"`
	RunAsGroup               int                   `yaml:"runAsGroup"`
	FSGroup                  int                   `yaml:"fsGroup"`
	SeccompProfile           struct{ Type string } `yaml:"seccompProfile"`
	AllowPrivilegeEscalation bool                  `yaml:"allowPrivilegeEscalation"`
	ReadOnlyRootFilesystem   bool                  `yaml:"readOnlyRootFilesystem"`
	Capabilities             struct{ Drop []string }
}

type probe struct {
	HTTPGet          struct{ Path, Port string } `yaml:"httpGet"`
	TCPSocket        struct{ Port string }       `yaml:"tcpSocket"`
	FailureThreshold int                         `yaml:"failureThreshold"`
	PeriodSeconds    int                         `yaml:"periodSeconds"`
}

// kustomization is a file of Kustomize, with the keys that ours have.
type kustomization struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Labels     []struct {
		Pairs            map[string]string
		IncludeSelectors bool `yaml:"includeSelectors"`
	}
	Resources          []string
	ConfigMapGenerator []struct {
		Name  string
		Files []string
	} `yaml:"configMapGenerator"`
	Images []struct {
		Name   string
		NewTag string `yaml:"newTag"`
	}
}

func TestManifests(t *testing.T) {
	for _, dir := range []string{"kubernetes", "kubernetes-cluster"} {
		checkManifests(t, dir)
	}
}

func checkManifests(t *testing.T, dir string) {
	t.Helper()
	k := readStrictly[kustomization](t, dir+"/kustomization.yaml")[0]
	files := slices.Clone(k.Resources)
	for _, g := range k.ConfigMapGenerator {
		files = append(files, g.Files...)
	}
	for _, file := range files {
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			t.Error(err)
		}
	}
	all := map[string]manifest{}
	for _, file := range k.Resources {
		for _, one := range readStrictly[manifest](t, filepath.Join(dir, file)) {
			all[one.Kind+" "+one.Metadata.Name] = one
		}
	}
	m := all["StatefulSet trapline"]
	if _, found := all["Service "+m.Spec.ServiceName]; !found {
		t.Errorf("%s: no Service %s, which governs the pods", dir, m.Spec.ServiceName)
	}
	for name := range all["PodDisruptionBudget trapline"].Spec.Selector.MatchLabels {
		if k.Labels[0].Pairs[name] == "" {
			t.Errorf("%s: no pod has the label %s", dir, name)
		}
	}
	volumes := map[string]bool{}
	for _, v := range m.Spec.Template.Spec.Volumes {
		volumes[v.Name] = true
	}
	for _, v := range m.Spec.VolumeClaimTemplates {
		volumes[v.Metadata.Name] = true
	}
	for _, c := range m.Spec.Template.Spec.Containers {
		ports := map[string]bool{}
		for _, p := range c.Ports {
			ports[p.Name] = true
		}
		used := []string{c.StartupProbe.HTTPGet.Port, c.ReadinessProbe.HTTPGet.Port, c.LivenessProbe.TCPSocket.Port}
		for _, p := range all["Service trapline"].Spec.Ports {
			used = append(used, p.TargetPort)
		}
		for _, name := range used {
			if !ports[name] {
				t.Errorf("%s: no port %q", dir, name)
			}
		}
		for _, mount := range c.VolumeMounts {
			if !volumes[mount.Name] {
				t.Errorf("the mount %s has no volume", mount.Name)
			}
		}
		if !slices.Contains(c.Args, "--config.file=/config/snmp.yml") {
			t.Errorf("arguments %q", c.Args)
		}
	}
}

// The workflows call .ci/run, and targets of the Makefile that exist.
func TestWorkflowsCallMake(t *testing.T) {
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	err = fs.WalkDir(os.DirFS("../.github/workflows"), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		var w struct {
			Jobs map[string]struct{ Steps []struct{ Run string } }
		}
		read(t, filepath.Join("../.github/workflows", name), &w)
		for _, job := range w.Jobs {
			for _, step := range job.Steps {
				if step.Run == ".ci/run" {
					calls++
				}
				target, ok := strings.CutPrefix(step.Run, "make ")
				if !ok {
					continue
				}
				calls++
				if !strings.Contains(string(makefile), "\n"+target+":") {
					t.Errorf("%s calls make %s, which does not exist", name, target)
				}
			}
		}
		return nil
	})
	if err != nil || calls < 3 {
		t.Errorf("%d calls of .ci/run and make, %v", calls, err)
	}
}

// Every file that the packages are made of exists, and what they install is where the unit and the documents expect it.
func TestPackageContents(t *testing.T) {
	var n struct {
		Contents []struct{ Src, Dst, Type string }
		Scripts  map[string]string
	}
	read(t, "package/nfpm.yaml", &n)
	installed := map[string]bool{}
	for _, c := range n.Contents {
		installed[c.Dst] = true
		if c.Src == "${BINARY}" {
			continue
		}
		if matches, err := filepath.Glob(filepath.Join("..", c.Src)); err != nil || len(matches) == 0 {
			t.Errorf("%s matches no file", c.Src)
		}
	}
	for _, script := range n.Scripts {
		run(t, "sh", "-n", filepath.Join("..", script))
	}
	for _, want := range []string{"/usr/bin/trapline", "/etc/trapline/snmp.yml", "/etc/trapline/rules/", "/etc/default/trapline"} {
		if !installed[want] {
			t.Error(fmt.Errorf("the packages do not install %s", want))
		}
	}
}
