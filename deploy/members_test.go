package deploy

import (
	"crypto/x509"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"trapline/internal/cluster/engine/enginetest"
)

// container is a member of a cluster as its manifest starts it, but for this: it is a process, its root is a directory, and the names of hosts
// are addresses of loopback.
type container struct {
	t       *testing.T
	root    string
	names   []string // each with its address, as strings.NewReplacer takes them
	args    []string
	env     []string
	web     string // host and port
	mounts  []string
	grace   time.Duration
	command *exec.Cmd
	ended   chan error
}

var programDir string // of the tests of this process

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if programDir, err = os.MkdirTemp("", "deploy"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(programDir)
		return m.Run()
	}())
}

var buildProgram = sync.OnceValues(func() (string, error) {
	path := filepath.Join(programDir, "trapline")
	if out, err := exec.Command("go", "build", "-tags", "gosnmp_nodebug", "-o", path, "../cmd/trapline").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

func program(t *testing.T) string {
	t.Helper()
	path, err := buildProgram()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// image has the directories that the Dockerfile puts into an image.
var image = map[string]string{"/etc/trapline/rules": "../rules"}

func newContainer(t *testing.T, names ...string) *container {
	c := &container{t: t, root: t.TempDir(), names: names}
	for path, source := range image {
		c.mount(path, source)
	}
	return c
}

// mount has a directory, or if source is "" an empty one, at a path of the container.
func (c *container) mount(path, source string) {
	c.t.Helper()
	c.mounts = append(c.mounts, path)
	at := filepath.Join(c.root, path)
	var err error
	if source == "" {
		err = os.MkdirAll(at, 0o700)
	} else if source, err = filepath.Abs(source); err == nil {
		err = os.CopyFS(at, os.DirFS(source))
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// configure writes a configuration to a path of the container.
func (c *container) configure(path, source string) {
	c.t.Helper()
	text, err := os.ReadFile(source)
	if err == nil {
		c.mount(filepath.Dir(path), "")
		err = os.WriteFile(filepath.Join(c.root, path), []byte(c.outside(string(text))), 0o600)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

var absolute = regexp.MustCompile(`(?:^|[=\[{,:"' ])(/\w[^\s,\]}"']*)`)

// outside returns a text with the paths and names outside of the container. Each path is one of a volume or of the image.
func (c *container) outside(text string) string {
	c.t.Helper()
	var list []string
	for _, path := range c.mounts {
		list = append(list, path, filepath.Join(c.root, path))
	}
	for _, found := range absolute.FindAllStringSubmatch(text, -1) {
		if !slices.ContainsFunc(c.mounts, func(m string) bool { return strings.HasPrefix(found[1], m) }) {
			c.t.Fatalf("%s is on no volume: %q", found[1], c.mounts)
		}
	}
	return strings.NewReplacer(append(list, c.names...)...).Replace(text)
}

func (c *container) start(more ...string) {
	c.t.Helper()
	c.command = exec.Command(program(c.t))
	for _, a := range c.args {
		c.command.Args = append(c.command.Args, c.outside(a))
	}
	c.command.Args = append(c.command.Args, more...)
	tmp := filepath.Join(c.root, "tmp") // of a root that is read-only, unless it is a volume
	c.command.Env = append(slices.Clone(c.env), "TMPDIR="+tmp)
	c.command.Dir = filepath.Join(c.root, "/var/lib/trapline")
	log, err := os.Create(filepath.Join(c.t.TempDir(), "log"))
	if err != nil {
		c.t.Fatal(err)
	}
	defer log.Close()
	c.command.Stderr = log
	if err := c.command.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.ended = make(chan error, 1)
	go func() { c.ended <- c.command.Wait() }()
	c.t.Cleanup(func() {
		if c.command != nil {
			_ = c.command.Process.Kill()
			<-c.ended
		}
		if c.t.Failed() {
			text, _ := os.ReadFile(log.Name())
			c.t.Logf("%s:\n%s", c.web, text[max(0, len(text)-3000):])
		}
	})
}

// stop ends the container as it is ended before it is deleted: it is killed after its grace period.
func (c *container) stop() {
	c.t.Helper()
	_ = c.command.Process.Signal(syscall.SIGTERM)
	killed := time.AfterFunc(c.grace, func() { _ = c.command.Process.Kill() })
	defer killed.Stop()
	if err := <-c.ended; err != nil {
		c.t.Errorf("SIGTERM: %v", err)
	}
	c.command = nil
}

func await(t *testing.T, text string, condition func() bool) {
	t.Helper()
	begun := time.Now()
	for tick := time.Tick(50 * time.Millisecond); !condition(); <-tick {
		if time.Since(begun) > 2*time.Minute {
			t.Fatalf("not within two minutes: %s", text)
		}
	}
}

func (c *container) status(path string) int {
	r, err := http.Get("http://" + c.web + path)
	if err != nil {
		return 0
	}
	defer r.Body.Close()
	return r.StatusCode
}

// connects reports whether the port of the web server is open.
func (c *container) connects() bool {
	conn, err := net.Dial("tcp", c.web)
	if err == nil {
		_ = conn.Close()
	}
	return err == nil
}

// runMembers runs the members until the cluster is whole. The first one lives while it waits for the others, and is not ready.
func runMembers(t *testing.T, members []*container, ready string, more func(c *container) []string) {
	t.Helper()
	for i, c := range members {
		if c.start(more(c)...); i == 0 {
			await(t, "the first member lives", c.connects)
			if got := c.status(ready); got == http.StatusOK {
				t.Error("the first member is ready alone")
			}
		}
	}
	for _, c := range members {
		await(t, "a member is ready", func() bool { return c.status(ready) == http.StatusOK })
	}
	await(t, "the cluster is whole, and each target is polled", func() bool {
		return exec.Command(program(t), "cluster", "status", "--url=http://"+members[0].web).Run() == nil
	})
	for _, c := range members {
		c.onlyState()
	}
	for _, c := range members {
		c.stop()
	}
}

// onlyState checks that the member has written to its volume, and nowhere else.
func (c *container) onlyState() {
	c.t.Helper()
	written := 0
	err := fs.WalkDir(os.DirFS(c.root), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		path := "/" + name
		switch {
		case strings.HasPrefix(path, "/var/lib/trapline/"):
			written++
		case !slices.ContainsFunc(c.mounts, func(m string) bool { return strings.HasPrefix(path, m) }):
			c.t.Errorf("a member has written %s", path)
		}
		return nil
	})
	if err != nil || written == 0 {
		c.t.Errorf("%d files are in the volume, %v", written, err)
	}
}

// simulate runs the simulated devices of the composition at an address.
func simulate(t *testing.T, address string) {
	t.Helper()
	devices := readStrictly[composition](t, "compose-cluster/compose.yaml")[0].Services["devices"]
	c := newContainer(t, "0.0.0.0", address)
	c.mount("/var/lib/trapline", "")
	c.args = devices.Command
	c.start()
}

// The services of the composition, with their commands, volumes and ports, are three members of a cluster that poll the device.
func TestMembersOfComposition(t *testing.T) {
	if testing.Short() {
		t.Skip("three processes")
	}
	t.Parallel()
	const network = "127.0.52."
	simulate(t, network+"100")
	composed := readStrictly[composition](t, "compose-cluster/compose.yaml")[0]
	names := []string{"devices:", network + "100:"}
	var services []service
	for name, s := range composed.Services {
		if s.Hostname != "" {
			services = append(services, s)
			names = append(names, name, fmt.Sprint(network, len(services)))
		}
	}
	var members []*container
	for i, s := range services {
		c := newContainer(t, names...)
		grace, err := time.ParseDuration(s.StopGracePeriod)
		if err != nil {
			t.Fatal(err)
		}
		c.args, c.grace, c.web = s.Command, grace, net.JoinHostPort(fmt.Sprint(network, i+1), s.Ports[0][strings.LastIndex(s.Ports[0], ":")+1:])
		config := ""
		for _, v := range s.Volumes {
			source, path, _ := strings.Cut(v, ":")
			if path, _, _ = strings.Cut(path, ":"); strings.HasPrefix(source, "./") {
				config = path
			} else {
				c.mount(path, "")
			}
		}
		c.configure(config, "compose-cluster/snmp.yml")
		members = append(members, c)
	}
	runMembers(t, members, "/-/ready", func(c *container) []string { // they have no host name of their own
		host, _, _ := net.SplitHostPort(c.web)
		return []string{"--cluster.member=" + host, "--web.listen-address=" + c.web}
	})
}

// The pods of the StatefulSet, with their arguments, environment, volumes, ports and probes, are three members of a cluster.
func TestMembersOfStatefulSet(t *testing.T) {
	if testing.Short() {
		t.Skip("three processes")
	}
	t.Parallel()
	const network = "127.0.53."
	simulate(t, network+"100")
	set := readStrictly[manifest](t, "kubernetes-cluster/statefulset.yaml")[0]
	one := set.Spec.Template.Spec.Containers[0]
	names := []string{"192.0.2.1", network + "100:1161"}
	var hosts []string
	certificate := x509.Certificate{DNSNames: []string{"*." + set.Spec.ServiceName}} // of all pods
	for i := range set.Spec.Replicas {
		name := fmt.Sprintf("%s-%d.%s", set.Metadata.Name, i, set.Spec.ServiceName)
		hosts = append(hosts, fmt.Sprint(network, i+1))
		names = append(names, name, hosts[i])
		if err := certificate.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	files := enginetest.NewAuthority(t, hosts...)
	var members []*container
	for i, host := range hosts {
		c := newContainer(t, names...)
		c.grace = time.Duration(set.Spec.Template.Spec.TerminationGracePeriodSeconds) * time.Second
		var variables []string
		for _, e := range one.Env {
			value := e.Value
			if e.ValueFrom.FieldRef.FieldPath == "metadata.name" {
				value = fmt.Sprintf("%s-%d", set.Metadata.Name, i)
			}
			c.env, variables = append(c.env, e.Name+"="+value), append(variables, "$("+e.Name+")", value)
		}
		for _, a := range one.Args {
			c.args = append(c.args, strings.NewReplacer(variables...).Replace(a))
		}
		for _, p := range one.Ports {
			if p.Name == one.ReadinessProbe.HTTPGet.Port {
				c.web = net.JoinHostPort(host, fmt.Sprint(p.ContainerPort))
			}
		}
		config := ""
		for _, m := range one.VolumeMounts {
			switch m.Name {
			case "config":
				config = m.MountPath + "/snmp.yml"
			case "certificates":
				c.mount(m.MountPath, "")
				for name, from := range map[string]string{"ca.crt": files.CAFile, "tls.crt": files.CertFile, "tls.key": files.KeyFile} {
					if err := os.Link(from, filepath.Join(c.root, m.MountPath, name)); err != nil {
						t.Fatal(err)
					}
				}
			default:
				c.mount(m.MountPath, "")
			}
		}
		c.configure(config, "kubernetes-cluster/snmp.yml")
		members = append(members, c)
	}
	runMembers(t, members, one.ReadinessProbe.HTTPGet.Path, func(c *container) []string { // each has an address of its own there
		return []string{"--web.listen-address=" + c.web}
	})
}
