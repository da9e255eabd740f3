package discovery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	common "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	prom "github.com/prometheus/prometheus/discovery"
	httpsd "github.com/prometheus/prometheus/discovery/http"
	"github.com/prometheus/prometheus/discovery/refresh"
	"github.com/prometheus/prometheus/discovery/targetgroup"

	"trapline/internal/redact"
)

// maxList bounds a list, in octets.
const maxList = 256 << 20

// httpList reads lists of Prometheus' http_sd. Prometheus' own discoverer does not bound the answer.
type httpList struct {
	url    string
	every  time.Duration
	client *http.Client
}

func newHTTP(c *httpsd.SDConfig, o prom.DiscovererOptions) (prom.Discoverer, error) {
	client, err := common.NewClientFromConfig(c.HTTPClientConfig, "http", o.HTTPClientOptions...)
	if err != nil {
		return nil, err
	}
	l := &httpList{url: c.URL, every: time.Duration(c.RefreshInterval), client: client}
	client.Timeout = l.every
	staysEncrypted(client)
	return newRefresh("http", l.every, l.refresh, o), nil
}

// newRefresh calls a function in an interval.
func newRefresh(kind string, every time.Duration, refreshed func(context.Context) ([]*targetgroup.Group, error), o prom.DiscovererOptions) prom.Discoverer {
	return refresh.NewDiscovery(refresh.Options{
		Logger: o.Logger, Mech: kind, SetName: o.SetName, Interval: every, RefreshF: refreshed,
		MetricsInstantiator: prom.NewRefreshMetrics(prometheus.NewRegistry()),
	})
}

// refresh asks the server. The result is never without a group.
func (l *httpList) refresh(ctx context.Context) ([]*targetgroup.Group, error) {
	raw, err := l.get(ctx)
	if err != nil {
		return nil, err
	}
	groups, err := decodeGroups(raw)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		g.Source = httpSource
		g.Labels[model.MetaLabelPrefix+"url"] = model.LabelValue(redact.URL(l.url)) // which is stored
	}
	if len(groups) == 0 {
		groups = append(groups, &targetgroup.Group{Source: httpSource})
	}
	return groups, nil
}

// httpSource is the source of all groups of an answer, which is a whole list.
const httpSource = "answer"

func (l *httpList) get(ctx context.Context) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("X-Prometheus-Refresh-Interval-Seconds", strconv.FormatFloat(l.every.Seconds(), 'f', -1, 64))
	response, err := l.client.Do(request)
	if err != nil {
		return nil, redact.Error(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server answered %s", response.Status)
	}
	if kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, fmt.Errorf("the answer has the content type %q, not application/json", response.Header.Get("Content-Type"))
	}
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxList+1))
	if err == nil && len(raw) > maxList {
		err = fmt.Errorf("the answer has more than %d octets", maxList)
	}
	return raw, err
}

// maxRedirects is how many redirects are followed, as by net/http.
const maxRedirects = 10

// staysEncrypted has a client follow no redirect from https to http, where anybody reads its credentials. To other hosts
// they are not sent.
func staysEncrypted(c *http.Client) {
	if c.CheckRedirect != nil {
		return // which follows none
	}
	c.CheckRedirect = func(next *http.Request, before []*http.Request) error {
		switch {
		case before[len(before)-1].URL.Scheme == "https" && next.URL.Scheme != "https":
			return errors.New("the server redirects from https to http, which is not followed")
		case len(before) == maxRedirects:
			return fmt.Errorf("the server redirects more than %d times", maxRedirects)
		}
		next.Header.Del("Referer") // whose query may be a secret
		return nil
	}
}
