package app

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

// instances is Prometheus' HTTP service discovery: each target is an instance of its own, scraped from here.
type instances struct {
	devices deviceSource
	targets func() []*poller.Target // of the configuration and of lists
	prefix  string                  // of all paths

	mu   sync.Mutex
	kept []instanceList // the newest last
}

// deviceSource has the targets. The list may be kept as long as its version is the same.
type deviceSource interface {
	Devices(parameters map[string][]string) ([]fleet.Device, error)
	DevicesVersion() [2]uint64
}

// instanceList is an answer, compressed.
type instanceList struct {
	key    string // of the request, and of all that is known of the targets
	tag    string // of the answer
	zipped []byte
}

// maxInstanceLists bounds how many answers are kept: one for each job of a Prometheus or two.
const maxInstanceLists = 8

// serve answers with the targets that the parameters select. An answer is made once, as long as the targets and all
// that is known of them stay.
func (s *instances) serve(w http.ResponseWriter, r *http.Request) {
	list, err := s.list(r)
	if err != nil {
		httpapi.Refuse(w, err)
		return
	}
	w.Header().Set("ETag", list.tag)
	w.Header().Set("Vary", "Accept-Encoding")
	if httpserver.HasTag(r.Header.Get("If-None-Match"), list.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if httpserver.AcceptsGzip(r) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(list.zipped) // after a disconnect nobody can receive the error
		return
	}
	if z, err := gzip.NewReader(bytes.NewReader(list.zipped)); err == nil {
		_, _ = io.Copy(w, z)
	}
}

// list returns the answer to a request: that which is kept, or a new one.
func (s *instances) list(r *http.Request) (instanceList, error) {
	s.mu.Lock()
	defer s.mu.Unlock() // one is made at a time: of several that ask at once, all but the first find it
	key := fmt.Sprintf("%q %t %q %d", r.Host, r.TLS != nil, r.URL.RawQuery, s.devices.DevicesVersion())
	if i := slices.IndexFunc(s.kept, func(l instanceList) bool { return l.key == key }); i >= 0 {
		return s.kept[i], nil
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return instanceList{}, api.Errorf(api.ErrBadRequest, "the query of the URL: %v", err)
	}
	devices, err := s.devices.Devices(query)
	if err != nil {
		return instanceList{}, err
	}
	if len(devices) == 0 { // a list of none would have Prometheus drop all that it has
		selection, _ := fleet.Select(query)
		if err := selection.Unknown(s.targets()); err != nil {
			return instanceList{}, err
		}
	}
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.BestSpeed) // the level is valid
	digest := sha256.New()
	s.write(io.MultiWriter(z, digest), devices, r)
	if err := z.Close(); err != nil {
		return instanceList{}, err
	}
	list := instanceList{key, fmt.Sprintf(`"%x"`, digest.Sum(nil)[:16]), out.Bytes()}
	s.kept = append(s.kept[max(len(s.kept)-maxInstanceLists+1, 0):], list)
	return list, nil
}

// write writes an entry for each device. Memory takes the output: there are no errors.
func (s *instances) write(out io.Writer, devices []fleet.Device, r *http.Request) {
	const flush = 1 << 16
	host := appendText(nil, r.Host)
	text := []byte{'['}
	for i := range devices {
		if i > 0 {
			text = append(text, ',')
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
func (s *instances) appendLabels(to []byte, d *fleet.Device, encrypted bool) []byte {
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
	label("__metrics_path__", s.prefix+"/targets/"+t.Name+"/metrics")
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
