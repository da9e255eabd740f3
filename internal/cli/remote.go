package cli

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/prometheus/common/config"

	"trapline/internal/api"
	"trapline/internal/human"
)

// Where a server is by default, and the bounds of its answers.
const (
	DefaultServer = "http://localhost:9116"
	answerTime    = 30 * time.Second // for an answer that takes no action
	ActionTime    = 10 * time.Minute // for one that has a device asked
	MaxAnswer     = 256 << 20        // octets
	MaxLine       = 1 << 20          // octets of a line of a stream
)

// ServerFlags say where a server is, and how to get in.
type ServerFlags struct {
	url, httpConfig *string
	urlGiven        bool
}

// AddServerFlags adds the flags.
func AddServerFlags(c Flagger) *ServerFlags {
	f := &ServerFlags{}
	f.url = c.Flag("url", "Where the server is, also https://USER:PASSWORD@HOST.").PlaceHolder("URL").Default(DefaultServer).Envar("TRAPLINE_URL").IsSetByUser(&f.urlGiven).String()
	f.httpConfig = c.Flag("http.config.file", "How to get in: TLS and authentication, as Prometheus' HTTP clients have it.").PlaceHolder("FILE").String()
	return f
}

// Named reports whether the user said where the server is.
func (f *ServerFlags) Named() bool { return f.urlGiven || os.Getenv("TRAPLINE_URL") != "" }

// Given reports whether the command line says where the server is.
func (f *ServerFlags) Given() bool { return f.urlGiven }

// Remote is a server that runs.
type Remote struct {
	Base *url.URL
	HTTP *http.Client
}

// Open reads the flags. It sends nothing.
func (f *ServerFlags) Open() (*Remote, error) {
	base, err := ServerURL(*f.url)
	if err != nil {
		return nil, Usage(err)
	}
	settings := config.DefaultHTTPClientConfig
	if *f.httpConfig != "" {
		read, _, err := config.LoadHTTPConfigFile(*f.httpConfig)
		if err != nil {
			return nil, Usagef("--http.config.file: %w", err)
		}
		settings = *read
	}
	client, err := config.NewClientFromConfig(settings, "trapline")
	if err != nil {
		return nil, Usagef("--http.config.file: %w", err)
	}
	return &Remote{Base: base, HTTP: client}, nil
}

// ServerURL parses the value of --url; without a scheme it is http.
func ServerURL(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("--url: write one such as " + DefaultServer + " or https://USER:PASSWORD@HOST")
	}
	return u, nil
}

// Call is a request to a server.
type Call struct {
	Method string   // "" is GET
	Path   string   // below the URL of the server
	URL    *url.URL // instead of path and query, where the server is another one
	Query  url.Values
	Body   any // of a POST; nil is an empty object
}

// Get reads the answer at a path of the API into a value.
func (r *Remote) Get(ctx context.Context, path string, query url.Values, into any) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTime, fmt.Errorf("no answer within %v", answerTime))
	defer cancel()
	return r.Do(ctx, Call{Path: path, Query: query}, into)
}

// Post takes an action.
func (r *Remote) Post(ctx context.Context, path string, body, into any) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, ActionTime, fmt.Errorf("no answer within %v", ActionTime))
	defer cancel()
	return r.Do(ctx, Call{Method: http.MethodPost, Path: path, Body: body}, into)
}

// Do makes a call, and reads the data of its answer into a value unless that is nil. It returns the data as JSON, too.
func (r *Remote) Do(ctx context.Context, c Call, into any) (json.RawMessage, error) {
	response, err := r.Send(ctx, c)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, MaxAnswer+1))
	if err == nil && len(text) > MaxAnswer {
		err = fmt.Errorf("the answer has more than %d octets", MaxAnswer)
	}
	if err != nil {
		return nil, r.Unreached(ctx, err)
	}
	var a api.Answer
	if err := json.Unmarshal(text, &a); err != nil || a.Status == "" {
		return nil, r.foreign(response, text)
	}
	if a.Status != "success" {
		return nil, ErrorOf(&a)
	}
	for _, w := range a.Warnings {
		fmt.Fprintln(os.Stderr, "warning:", human.Visible(w))
	}
	if len(a.Data) == 0 || into == nil {
		return a.Data, nil
	}
	if err := json.Unmarshal(a.Data, into); err != nil {
		return nil, fmt.Errorf("%s: %w", r.Base.JoinPath(c.Path).Redacted(), err)
	}
	return a.Data, nil
}

// Stream makes a call whose answer comes line by line.
func (r *Remote) Stream(ctx context.Context, c Call, line func([]byte) error) error {
	response, err := r.Send(ctx, c)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, MaxLine))
		var a api.Answer
		if json.Unmarshal(text, &a) == nil && a.Status != "" {
			return ErrorOf(&a)
		}
		return r.foreign(response, text)
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, MaxLine)
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue // which keeps the connection alive
		}
		if err := line(lines.Bytes()); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return r.Unreached(ctx, err)
	}
	return ctx.Err()
}

// Send makes a call. The caller closes the body of the response.
func (r *Remote) Send(ctx context.Context, c Call) (*http.Response, error) {
	u := c.URL
	if u == nil {
		u = r.Base.JoinPath(c.Path)
		u.RawQuery = c.Query.Encode()
	}
	method := cmp.Or(c.Method, http.MethodGet)
	var reader io.Reader
	if method == http.MethodPost {
		if c.Body == nil {
			c.Body = struct{}{}
		}
		text, err := json.Marshal(c.Body)
		if err != nil {
			return nil, err
		}
		reader = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, u.String(), reader)
	if err != nil {
		return nil, err
	}
	if reader != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := r.HTTP.Do(request)
	if err != nil {
		return nil, r.Unreached(ctx, err)
	}
	return response, nil
}

// Unreached is the error of a server that does not answer.
func (r *Remote) Unreached(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		if errors.Is(cause, context.Canceled) {
			return cause
		}
		err = cause
	}
	var of *url.Error
	if errors.As(err, &of) {
		err = of.Err
	}
	var network *net.OpError
	if errors.As(err, &network) && network.Op == "dial" {
		err = network.Err
	}
	if call := (*os.SyscallError)(nil); errors.As(err, &call) {
		err = call.Err
	}
	return &Failure{Status: ExitNoServer, err: fmt.Errorf("no server at %s: %w. Start it (trapline serve, trapline demo), or say where it is (--url, TRAPLINE_URL)", r.Base.Redacted(), err)}
}

// foreign is the error of an answer that is not of the API.
func (r *Remote) foreign(response *http.Response, text []byte) error {
	where := r.Base.Redacted()
	switch response.StatusCode {
	case http.StatusUnauthorized:
		return Usagef("%s wants a login: write --url=https://USER:PASSWORD@%s, or --http.config.file", where, r.Base.Host)
	case http.StatusForbidden, http.StatusServiceUnavailable, http.StatusTooManyRequests:
		return fmt.Errorf("%s answers %s: %.300s", where, response.Status, human.Visible(strings.TrimSpace(string(text))))
	}
	return &Failure{Status: ExitNoServer, err: fmt.Errorf("%s answers %s to %s: this is no Trapline, or an older one. Is --url right?", where, response.Status, response.Request.URL.Path)}
}

// ErrorOf is the error that the API answers with.
func ErrorOf(a *api.Answer) error {
	err := errors.New(human.Visible(a.Error))
	if a.Hint != "" {
		err = fmt.Errorf("%w. %s", err, human.Capitalized(human.Visible(a.Hint)))
	}
	switch a.Kind {
	case "not_found":
		return &Failure{Status: ExitUsage, err: err, unknown: a.Hint == ""}
	case "bad_data":
		return Usage(err)
	}
	return err
}
