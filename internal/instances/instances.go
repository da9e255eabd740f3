// Package instances is Prometheus' HTTP service discovery: each target is an instance of its own, scraped from here.
package instances

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"

	"trapline/internal/api"
	"trapline/internal/fleet"
	"trapline/internal/httpapi"
	"trapline/internal/httpserver"
	"trapline/internal/poller"
)

// Options are the sources of service discovery.
type Options struct {
	Devices Source
	Targets func() []*poller.Target // of the configuration and of lists
	Prefix  string                  // of all paths
	// Owner returns host and port of the member of a cluster that polls a target, "" if that is not known; nil without a cluster.
	Owner func(target string) string
}

// Discovery serves the list of instances.
type Discovery struct {
	options Options

	mu   sync.Mutex
	kept []list // the newest last
}

// New returns service discovery of targets.
func New(o Options) *Discovery { return &Discovery{options: o} }

// Source has the targets. The list may be kept as long as its version is the same.
type Source interface {
	Devices(parameters map[string][]string) ([]fleet.Device, error)
	DevicesVersion() [2]uint64
}

// list is an answer, compressed.
type list struct {
	key    string // of the request, and of all that is known of the targets
	tag    string // of the answer
	zipped []byte
}

// maxKept bounds how many answers are kept: one for each job of a Prometheus or two.
const maxKept = 8

// ServeHTTP answers with the targets that the parameters select. An answer is made once, as long as the targets and all
// that is known of them stay.
func (s *Discovery) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := s.answer(r)
	if err != nil {
		httpapi.Refuse(w, err)
		return
	}
	w.Header().Set("ETag", answer.tag)
	w.Header().Set("Vary", "Accept-Encoding")
	if httpserver.HasTag(r.Header.Get("If-None-Match"), answer.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if httpserver.AcceptsGzip(r) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(answer.zipped) // after a disconnect nobody can receive the error
		return
	}
	if z, err := gzip.NewReader(bytes.NewReader(answer.zipped)); err == nil {
		_, _ = io.Copy(w, z)
	}
}

// answer returns the answer to a request: that which is kept, or a new one.
func (s *Discovery) answer(r *http.Request) (list, error) {
	s.mu.Lock()
	defer s.mu.Unlock() // one is made at a time: of several that ask at once, all but the first find it
	key := fmt.Sprintf("%q %t %q %d", r.Host, r.TLS != nil, r.URL.RawQuery, s.options.Devices.DevicesVersion())
	if i := slices.IndexFunc(s.kept, func(l list) bool { return l.key == key }); i >= 0 {
		return s.kept[i], nil
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return list{}, api.Errorf(api.ErrBadRequest, "the query of the URL: %v", err)
	}
	owners := takeOwners(query)
	devices, err := s.options.Devices.Devices(query)
	if err != nil {
		return list{}, err
	}
	if len(devices) == 0 { // a list of none would have Prometheus drop all that it has
		selection, _ := fleet.Select(query)
		if err := selection.Unknown(s.options.Targets()); err != nil {
			return list{}, err
		}
	}
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.BestSpeed) // the level is valid
	digest := sha256.New()
	s.write(io.MultiWriter(z, digest), devices, r, owners)
	if err := z.Close(); err != nil {
		return list{}, err
	}
	made := list{key, fmt.Sprintf(`"%x"`, digest.Sum(nil)[:16]), out.Bytes()}
	s.kept = append(s.kept[max(len(s.kept)-maxKept+1, 0):], made)
	return made, nil
}

// byOwner is the value of the parameter address for targets under the address of the member that polls them.
const byOwner = "owner"

// takeOwners reports whether targets are wanted under the addresses of those that poll them, and removes that from a query, in
// which an address selects targets.
func takeOwners(query url.Values) bool {
	const parameter = "address"
	left := slices.DeleteFunc(slices.Clone(query[parameter]), func(value string) bool { return value == byOwner })
	if len(left) == len(query[parameter]) {
		return false
	}
	if query[parameter] = left; len(left) == 0 {
		delete(query, parameter)
	}
	return true
}

// write writes an entry for each device. Memory takes the output: there are no errors.
func (s *Discovery) write(out io.Writer, devices []fleet.Device, r *http.Request, owners bool) {
	const flush = 1 << 16
	asked := appendText(nil, r.Host)
	text := []byte{'['}
	for i := range devices {
		if i > 0 {
			text = append(text, ',')
		}
		host := asked
		if owners && s.options.Owner != nil {
			if owner := s.options.Owner(devices[i].Target.Name); owner != "" {
				host = appendText(nil, owner)
			}
		}
		text = append(append(append(text, `{"targets":[`...), host...), `],"labels":{`...)
		text = append(s.appendLabels(text, &devices[i], r.TLS != nil), "}}"...)
		if len(text) > flush {
			_, _ = out.Write(text)
			text = text[:0]
		}
	}
	_, _ = out.Write(append(text, "]\n"...))
}

// appendLabels appends the labels of a target. Its name is the instance, whatever labels it has. Prometheus escapes the path.
func (s *Discovery) appendLabels(to []byte, d *fleet.Device, encrypted bool) []byte {
	const meta = "__meta_trapline_"
	t := d.Target
	label := func(name, value string) {
		if to[len(to)-1] != '{' {
			to = append(to, ',')
		}
		to = append(appendText(to, name), ':')
		to = appendText(to, value)
	}
	label(meta+"address", t.Spec.Address)
	label(meta+"auth", t.AuthName)
	label(meta+"modules", strings.Join(t.ModuleNames(), ","))
	for _, known := range [...]struct{ name, value string }{
		{meta + "discovery", t.List}, {meta + "profile", d.Profile}, {meta + "sysname", d.SysName}, {meta + "vendor", d.Vendor},
	} {
		if known.value != "" {
			label(known.name, known.value)
		}
	}
	label("__metrics_path__", s.options.Prefix+"/targets/"+t.Name+"/metrics")
	if encrypted {
		label("__scheme__", "https")
	}
	label(instanceLabel, t.Name)
	label(poller.TargetLabel, t.Name)
	for _, name := range slices.Sorted(maps.Keys(t.Labels)) {
		if name != instanceLabel && name != poller.TargetLabel {
			label(name, t.Labels[name])
		}
	}
	return to
}

const instanceLabel = "instance"

// appendText appends a text in JSON.
func appendText(to []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			escaped, _ := json.Marshal(text) // which has no errors for texts
			return append(to, escaped...)
		}
	}
	return append(append(append(to, '"'), text...), '"')
}
