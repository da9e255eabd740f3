// Package redact removes secrets from the URLs and errors of HTTP requests that are shown.
package redact

import (
	"errors"
	"fmt"
	"net/url"
)

// Error returns an error of a request without the parts of its URL that may be secrets.
func Error(err error) error {
	if e := (*url.Error)(nil); errors.As(err, &e) {
		return fmt.Errorf("%s: %w", URL(e.URL), e.Err)
	}
	return err
}

// URL returns a URL without password, and without the values of its query, which may be secrets.
func URL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "(a URL with an error)"
	}
	if u.User != nil {
		u.User = url.User("…")
	}
	if u.RawQuery != "" {
		u.RawQuery = ""
		return u.String() + "?…"
	}
	return u.String()
}
