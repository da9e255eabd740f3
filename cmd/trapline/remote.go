package main

import (
	"bufio"
	"bytes"
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

	"trapline/internal/human"
)

const (
	defaultServer = "http://localhost:9116"
	answerTime    = 30 * time.Second // for an answer that takes no action
	actionTime    = 10 * time.Minute // for one that has a device asked
	maxAnswer     = 256 << 20        // octets
	maxLine       = 1 << 20          // octets of a line of a stream
)

// serverFlags say where a server is, and how to get in.
type serverFlags struct {
	url, httpConfig *string
	urlGiven        bool
}

func addServerFlags(c flagger) *serverFlags {
	f := &serverFlags{}
	f.url = c.Flag("url", "Where the server is, also https://USER:PASSWORD@HOST.").PlaceHolder("URL").Default(defaultServer).Envar("TRAPLINE_URL").IsSetByUser(&f.urlGiven).String()
	f.httpConfig = c.Flag("http.config.file", "How to get in: TLS and authentication, as Prometheus' HTTP clients have it.").PlaceHolder("FILE").String()
	return f
}

// named reports whether the user said where the server is.
func (f *serverFlags) named() bool { return f.urlGiven || os.Getenv("TRAPLINE_URL") != "" }

// remote is a server that runs.
type remote struct {
	base *url.URL
	http *http.Client
}

// open reads the flags. It sends nothing.
func (f *serverFlags) open() (*remote, error) {
	base, err := serverURL(*f.url)
	if err != nil {
		return nil, usage(err)
	}
	settings := config.DefaultHTTPClientConfig
	if *f.httpConfig != "" {
		read, _, err := config.LoadHTTPConfigFile(*f.httpConfig)
		if err != nil {
			return nil, usagef("--http.config.file: %w", err)
		}
		settings = *read
	}
	client, err := config.NewClientFromConfig(settings, "trapline")
	if err != nil {
		return nil, usagef("--http.config.file: %w", err)
	}
	return &remote{base: base, http: client}, nil
}

func serverURL(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("--url: write one such as " + defaultServer + " or https://USER:PASSWORD@HOST")
	}
	return u, nil
}

// answer is the envelope of every answer.
type answer struct {
	Status   string          `json:"status"`
	Data     json.RawMessage `json:"data"`
	Warnings []string        `json:"warnings"`
	Kind     string          `json:"errorType"`
	Error    string          `json:"error"`
	Hint     string          `json:"hint"`
}

// get asks for what a path of the API has, and reads it into a value.
func (r *remote) get(ctx context.Context, path string, query url.Values, into any) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTime, fmt.Errorf("no answer within %v", answerTime))
	defer cancel()
	u := r.base.JoinPath(path)
	u.RawQuery = query.Encode()
	return r.decoded(ctx, http.MethodGet, u, nil, into)
}

// post takes an action.
func (r *remote) post(ctx context.Context, path string, body, into any) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, actionTime, fmt.Errorf("no answer within %v", actionTime))
	defer cancel()
	return r.decoded(ctx, http.MethodPost, r.base.JoinPath(path), body, into)
}

func (r *remote) decoded(ctx context.Context, method string, u *url.URL, body, into any) (json.RawMessage, error) {
	response, err := r.send(ctx, method, u, body)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err == nil && len(text) > maxAnswer {
		err = fmt.Errorf("the answer has more than %d octets", maxAnswer)
	}
	if err != nil {
		return nil, r.unreached(ctx, err)
	}
	var a answer
	if err := json.Unmarshal(text, &a); err != nil || a.Status == "" {
		return nil, r.foreign(response, text)
	}
	if a.Status != "success" {
		return nil, errorOf(&a)
	}
	for _, w := range a.Warnings {
		fmt.Fprintln(os.Stderr, "warning:", human.Visible(w))
	}
	if len(a.Data) == 0 || into == nil {
		return a.Data, nil
	}
	if err := json.Unmarshal(a.Data, into); err != nil {
		return nil, fmt.Errorf("%s: %w", u.Redacted(), err)
	}
	return a.Data, nil
}

// stream takes an action whose answer comes line by line.
func (r *remote) stream(ctx context.Context, method, path string, query url.Values, body any, line func([]byte) error) error {
	u := r.base.JoinPath(path)
	u.RawQuery = query.Encode()
	response, err := r.send(ctx, method, u, body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, maxLine))
		var a answer
		if json.Unmarshal(text, &a) == nil && a.Status != "" {
			return errorOf(&a)
		}
		return r.foreign(response, text)
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue // which keeps the connection alive
		}
		if err := line(lines.Bytes()); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return r.unreached(ctx, err)
	}
	return ctx.Err()
}

func (r *remote) send(ctx context.Context, method string, u *url.URL, body any) (*http.Response, error) {
	var reader io.Reader
	if method == http.MethodPost {
		if body == nil {
			body = struct{}{}
		}
		text, err := json.Marshal(body)
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
	response, err := r.http.Do(request)
	if err != nil {
		return nil, r.unreached(ctx, err)
	}
	return response, nil
}

// unreached is the error of a server that does not answer.
func (r *remote) unreached(ctx context.Context, err error) error {
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
	return &failure{status: exitNoServer, err: fmt.Errorf("no server at %s: %w. Start it (trapline serve, trapline demo), or say where it is (--url, TRAPLINE_URL)", r.base.Redacted(), err)}
}

// foreign is the error of an answer that is not of the API.
func (r *remote) foreign(response *http.Response, text []byte) error {
	where := r.base.Redacted()
	switch response.StatusCode {
	case http.StatusUnauthorized:
		return usagef("%s wants a login: write --url=https://USER:PASSWORD@%s, or --http.config.file", where, r.base.Host)
	case http.StatusForbidden, http.StatusServiceUnavailable, http.StatusTooManyRequests:
		return fmt.Errorf("%s answers %s: %.300s", where, response.Status, human.Visible(strings.TrimSpace(string(text))))
	}
	return &failure{status: exitNoServer, err: fmt.Errorf("%s answers %s to %s: this is no Trapline, or an older one. Is --url right?", where, response.Status, response.Request.URL.Path)}
}

// errorOf is the error that the API answers with.
func errorOf(a *answer) error {
	err := errors.New(human.Visible(a.Error))
	if a.Hint != "" {
		err = fmt.Errorf("%w. %s", err, human.Capitalized(human.Visible(a.Hint)))
	}
	switch a.Kind {
	case "not_found":
		return &failure{status: exitUsage, err: err, unknown: a.Hint == ""}
	case "bad_data":
		return usage(err)
	}
	return err
}
