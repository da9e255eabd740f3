package discovery

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	common "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	prom "github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/targetgroup"

	"trapline/internal/redact"
	"trapline/internal/setting"
)

// NetBox is the inventory of a NetBox server: its devices that have a primary IP address.
type NetBox struct {
	URL       string                             `yaml:"url"`                        // of the server, such as https://netbox.example
	TokenFile string                             `yaml:"token_file,omitempty"`       // file with an API token that may read devices; read at each refresh
	Query     string                             `yaml:"query,omitempty"`            // filters of NetBox's list of devices, such as status=active&role=switch
	Refresh   setting.Duration                   `yaml:"refresh_interval,omitempty"` // how often the devices are read; default 5m
	TLS       *setting.Foreign[common.TLSConfig] `yaml:"tls_config,omitempty"`       // as in Prometheus: ca_file, server_name and others
}

// Bounds of reading the devices.
const (
	netboxRefresh  = 5 * time.Minute
	netboxPage     = 500
	maxNetboxPage  = 16 << 20        // octets
	maxToken       = 4 << 10         // octets
	netboxPatience = time.Minute     // for one page
	netboxTime     = time.Hour       // for all pages, with their waits
	maxRetryAfter  = 2 * time.Minute // a longer wait is left to the next refresh
	netboxTries    = 5               // of a page, after answers that name a wait
)

// Problems returns the errors in the settings.
func (n *NetBox) Problems() []setting.Problem {
	var m setting.Problems
	switch u, err := url.Parse(n.URL); {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		m.Add("url", "write the address of the NetBox server, such as https://netbox.example")
	case u.User != nil:
		m.Add("url", "a URL is no place for a password: name the file of an API token in token_file")
	case u.RawQuery != "":
		m.Add("url", "write what follows the ? in query")
	}
	query, err := url.ParseQuery(n.Query)
	if err != nil || strings.HasPrefix(n.Query, "?") {
		m.Add("query", "write filters as in a URL, such as status=active&role=switch")
	}
	for _, own := range []string{"limit", "offset", "ordering"} {
		if query.Has(own) {
			m.Add("query", "%s is set by Trapline, which reads all pages", own)
		}
	}
	return m
}

// SetDirectory makes the names of files relative to a directory.
func (n *NetBox) SetDirectory(dir string) {
	n.TokenFile = common.JoinDir(dir, n.TokenFile)
	if n.TLS != nil {
		n.TLS.Value.SetDirectory(dir)
	}
}

func (n *NetBox) open(o prom.DiscovererOptions) (prom.Discoverer, error) {
	c := common.DefaultHTTPClientConfig
	if n.TLS != nil {
		c.TLSConfig = n.TLS.Value
	}
	client, err := common.NewClientFromConfig(c, "netbox")
	if err != nil {
		return nil, err
	}
	client.Timeout = netboxPatience
	staysEncrypted(client)
	l := &netboxList{settings: n, client: client, most: maxOctets, within: netboxTime}
	return newRefresh("netbox", cmp.Or(n.Refresh.Duration, netboxRefresh), l.refresh, o), nil
}

// netboxList reads the devices of a server, which are one source.
type netboxList struct {
	settings *NetBox
	client   *http.Client
	most     int // octets of the labels
	within   time.Duration
}

type netboxAnswer struct {
	Count   int         `json:"count"`
	Next    *string     `json:"next"`
	Results netboxPaged `json:"results"`
}

// netboxPaged are the devices of a page, no more than were asked for.
type netboxPaged []json.RawMessage

// UnmarshalJSON reads a list.
func (l *netboxPaged) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if first, err := d.Token(); err != nil || first != json.Delim('[') {
		return errors.Join(err, errors.New("results are no list"))
	}
	*l = netboxPaged{}
	for d.More() {
		if len(*l) == netboxPage {
			return fmt.Errorf("a page has more than %d devices", netboxPage)
		}
		var device json.RawMessage
		if err := d.Decode(&device); err != nil {
			return err
		}
		*l = append(*l, device)
	}
	return nil
}

// netboxDevice is a device as the API has it. Role has the name device_role before NetBox 3.6.
type netboxDevice struct {
	ID      int64  `json:"id"`
	Name    string `json:"name"`
	Serial  string `json:"serial"`
	Primary *struct {
		Address string `json:"address"` // with the length of the prefix
	} `json:"primary_ip"`
	Site         netboxRef                  `json:"site"`
	Role         netboxRef                  `json:"role"`
	DeviceRole   netboxRef                  `json:"device_role"`
	Platform     netboxRef                  `json:"platform"`
	Tenant       netboxRef                  `json:"tenant"`
	Tags         []netboxRef                `json:"tags"`
	CustomFields map[string]json.RawMessage `json:"custom_fields"`
}

type netboxRef struct {
	Slug string `json:"slug"`
}

// errUnsteady says that pages do not fit together, as devices came or went while they were read.
var errUnsteady = errors.New("the devices changed while their pages were read")

// refresh reads all pages, once more if devices came or went meanwhile.
func (l *netboxList) refresh(ctx context.Context) ([]*targetgroup.Group, error) {
	ctx, cancel := context.WithTimeout(ctx, l.within)
	defer cancel()
	token, err := l.token()
	if err != nil {
		return nil, err
	}
	for range 3 {
		var g *targetgroup.Group
		if g, err = l.read(ctx, token); err == nil {
			return []*targetgroup.Group{g}, nil
		}
		if !errors.Is(err, errUnsteady) {
			break
		}
	}
	return nil, err
}

// token returns the content of the file, "" without one.
func (l *netboxList) token() (string, error) {
	if l.settings.TokenFile == "" {
		return "", nil
	}
	raw, err := setting.ReadFile(l.settings.TokenFile, maxToken)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(raw))
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("%s has no token: write one line of printable ASCII", l.settings.TokenFile)
	}
	return token, nil
}

// read reads all pages. A device that was on two of them, or a count that is not that of the devices, means that some
// may be missing.
func (l *netboxList) read(ctx context.Context, token string) (*targetgroup.Group, error) {
	g := &targetgroup.Group{Source: "devices"}
	seen := map[int64]bool{}
	octets := 0
	for {
		page, err := l.page(ctx, token, len(seen))
		if err != nil {
			return nil, err
		}
		for _, raw := range page.Results {
			var d netboxDevice
			if err := json.Unmarshal(raw, &d); err != nil {
				return nil, fmt.Errorf("device %d of the list: %w", len(seen)+1, err)
			}
			if seen[d.ID] {
				return nil, errUnsteady
			}
			seen[d.ID] = true
			if len(seen) > maxTargets {
				return nil, errors.New(tooManyTargets)
			}
			if d.Primary == nil {
				continue
			}
			g.Targets = append(g.Targets, d.labels())
			if octets += sizeOf(g.Targets[len(g.Targets)-1]); octets > l.most {
				return nil, errTooLarge
			}
		}
		if page.Next != nil && len(page.Results) > 0 {
			continue
		}
		if page.Count != len(seen) {
			return nil, errUnsteady
		}
		return g, nil
	}
}

// page asks for one page, again where the server names a wait.
func (l *netboxList) page(ctx context.Context, token string, offset int) (*netboxAnswer, error) {
	for try := 1; ; try++ {
		answer, wait, err := l.ask(ctx, token, offset)
		if err == nil || wait <= 0 || try == netboxTries {
			return answer, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
	}
}

// ask makes one request. It returns with an error how long to wait before the next one, zero if none is worth it.
func (l *netboxList) ask(ctx context.Context, token string, offset int) (*netboxAnswer, time.Duration, error) {
	query, _ := url.ParseQuery(l.settings.Query)
	query.Set("limit", strconv.Itoa(netboxPage))
	query.Set("offset", strconv.Itoa(offset))
	query.Set("ordering", "id")
	where := strings.TrimSuffix(l.settings.URL, "/") + "/api/dcim/devices/?" + query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, where, http.NoBody)
	if err != nil {
		return nil, 0, err
	}
	request.Header.Set("Accept", "application/json")
	if token != "" {
		request.Header.Set("Authorization", authorization(token))
	}
	response, err := l.client.Do(request)
	if err != nil {
		return nil, 0, redact.Error(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, retryAfter(response, time.Now()), refused(response)
	}
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxNetboxPage+1))
	if err == nil && len(raw) > maxNetboxPage {
		err = fmt.Errorf("a page has more than %d octets", maxNetboxPage)
	}
	if err != nil {
		return nil, 0, err
	}
	var answer netboxAnswer
	if err := json.Unmarshal(raw, &answer); err != nil {
		return nil, 0, fmt.Errorf("the answer is not that of NetBox's API: %w", err)
	}
	if answer.Results == nil {
		return nil, 0, errors.New("the answer is not that of NetBox's API: it has no results")
	}
	return &answer, 0, nil
}

// authorization is the header for a token. Those of NetBox 4.5 and later, nbt_KEY.TOKEN, have a scheme of their own.
func authorization(token string) string {
	if strings.HasPrefix(token, "nbt_") {
		return "Bearer " + token
	}
	return "Token " + token
}

func refused(r *http.Response) error {
	switch r.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("the server refused the token (%s): it must exist, not be expired, and may read dcim.device", r.Status)
	case http.StatusNotFound:
		return fmt.Errorf("the server answered %s: url must be the address that NetBox has in a browser", r.Status)
	}
	return fmt.Errorf("the server answered %s", r.Status)
}

// retryAfter returns the wait that an answer names: seconds, or a date (RFC 9110, 10.2.3).
func retryAfter(r *http.Response, now time.Time) time.Duration {
	if r.StatusCode != http.StatusTooManyRequests && r.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	text := r.Header.Get("Retry-After")
	wait := time.Second
	if seconds, err := strconv.Atoi(text); err == nil {
		wait = time.Duration(min(max(seconds, 1), 1<<20)) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = max(at.Sub(now), time.Second)
	}
	if wait > maxRetryAfter {
		return 0
	}
	return wait
}

// labels returns the labels of a device.
func (d *netboxDevice) labels() model.LabelSet {
	address := d.Primary.Address
	if p, err := netip.ParsePrefix(address); err == nil {
		address = p.Addr().String()
	}
	tags := make([]string, 0, len(d.Tags))
	for _, t := range d.Tags {
		tags = append(tags, t.Slug)
	}
	tag := ""
	if slices.Sort(tags); len(tags) > 0 {
		tag = "," + strings.Join(tags, ",") + "," // as Prometheus writes lists, so that ,core, matches one
	}
	l := model.LabelSet{model.AddressLabel: model.LabelValue(address)}
	set := func(name, value string) {
		if value != "" {
			l[model.LabelName(name)] = model.LabelValue(value)
		}
	}
	set(nameLabel, d.Name)
	for _, m := range [][2]string{
		{"name", d.Name}, {"site", d.Site.Slug}, {"role", cmp.Or(d.Role.Slug, d.DeviceRole.Slug)}, {"platform", d.Platform.Slug},
		{"tenant", d.Tenant.Slug}, {"tag", tag}, {"serial", d.Serial},
	} {
		set(netboxPrefix+m[0], m[1])
	}
	for name, raw := range d.CustomFields {
		set(netboxPrefix+"cf_"+notLabel.ReplaceAllString(name, "_"), fieldText(raw))
	}
	return l
}

const netboxPrefix = model.MetaLabelPrefix + "netbox_"

var notLabel = regexp.MustCompile(`[^a-zA-Z0-9_]`)

// fieldText returns the text of a custom field: that of a string, a number or a boolean, the JSON of others.
func fieldText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil { // null is ""
		return text
	}
	return string(raw)
}
