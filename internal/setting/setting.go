// Package setting holds the scalars of the configuration file. Each keeps the words that its user
// wrote, so that an error can be reported in them, and prints itself without its secret. The package
// knows nothing of YAML beyond the method names that a decoder looks for.
package setting

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"time"

	"trapline/internal/snmp"
)

// Duration is a length of time with a unit, as "30s" or "1m30s". A number without a unit is an error.
type Duration struct {
	time.Duration
	text string
	bad  bool
}

// UnmarshalYAML accepts any text; Problems reports text that is not valid.
func (d *Duration) UnmarshalYAML(unmarshal func(any) error) error {
	if err := unmarshal(&d.text); err != nil {
		return err
	}
	var err error
	d.Duration, err = parseDuration(d.text)
	d.bad = err != nil || d.Duration < 0
	return nil
}

// parseDuration is time.ParseDuration, and knows a number of days.
func parseDuration(text string) (time.Duration, error) {
	const maxDays = 100_000
	if digits, found := strings.CutSuffix(text, "d"); found {
		if days, err := strconv.ParseUint(digits, 10, 64); err == nil && days <= maxDays {
			return time.Duration(days) * 24 * time.Hour, nil
		}
	}
	return time.ParseDuration(text)
}

// Problems reports a missing unit, a negative length and everything else that is no duration.
func (d Duration) Problems() []Problem {
	if !d.bad {
		return nil
	}
	return []Problem{{Text: fmt.Sprintf("%q is not a duration: write a number with its unit, such as 5s, 500ms or 1m30s", d.text)}}
}

// Wanted returns a description of a valid value.
func (Duration) Wanted() string { return "a duration such as 30s" }

// IsZero lets omitempty leave an unset duration out.
func (d Duration) IsZero() bool { return d.Duration == 0 && d.text == "" }

// MarshalYAML prints the duration as it is written in the file.
func (d Duration) MarshalYAML() (any, error) {
	if d.text == "" {
		return d.String(), nil
	}
	return d.text, nil
}

// OID is an object identifier in numbers, with or without a leading dot. Where MIBs are at hand, it may
// be a name, which whoever has the MIBs replaces.
type OID struct {
	snmp.OID
	text string
	err  error
}

// ParseOID makes an OID setting of text, for values that do not come from the file.
func ParseOID(text string) OID {
	o := OID{text: text}
	o.OID, o.err = snmp.ParseOID(text)
	return o
}

// UnmarshalYAML accepts any text; Problems reports text that is not valid.
func (o *OID) UnmarshalYAML(unmarshal func(any) error) error {
	var text string
	if err := unmarshal(&text); err != nil {
		return err
	}
	*o = ParseOID(text)
	return nil
}

// ObjectID returns the OID.
func (o OID) ObjectID() snmp.OID { return o.OID }

// Named reports whether a name was written, and returns it.
func (o OID) Named() (name string, named bool) {
	return o.text, o.err != nil && !strings.ContainsAny(o.text[:min(1, len(o.text))], ".0123456789")
}

// Problems reports numbers that are no OID.
func (o OID) Problems() []Problem {
	if _, named := o.Named(); named {
		return nil
	}
	return o.NotNumeric()
}

// NotNumeric is Problems where nobody can replace names.
func (o OID) NotNumeric() []Problem {
	if o.err == nil {
		return nil
	}
	return []Problem{{Text: fmt.Sprintf("%q is not a numeric OID: %v", o.text, o.err)}}
}

// Wanted returns a description of a valid value.
func (OID) Wanted() string { return "an OID such as 1.3.6.1.2.1.1.3" }

// IsZero lets omitempty leave an unset OID out.
func (o OID) IsZero() bool { return o.text == "" }

// MarshalYAML prints the OID as dotted decimal.
func (o OID) MarshalYAML() (any, error) { return o.text, nil }

// Regexp is an RE2 expression that may match anywhere in its input.
type Regexp struct {
	*regexp.Regexp
	text string
	err  error
}

// LaterRegexp makes a Regexp setting of text that has been checked. Compiled compiles it.
func LaterRegexp(text string) Regexp { return Regexp{text: text} }

// Compiled returns the expression; text that does not compile matches nothing.
func (r Regexp) Compiled() *regexp.Regexp {
	if r.Regexp != nil {
		return r.Regexp
	}
	x, err := regexp.Compile(r.text)
	if err != nil {
		return regexp.MustCompile(`[^\s\S]`)
	}
	return x
}

// Text returns the expression as it was written.
func (r Regexp) Text() string { return r.text }

// UnmarshalYAML accepts any text; Problems reports text that does not compile.
func (r *Regexp) UnmarshalYAML(unmarshal func(any) error) error {
	return r.unmarshal(unmarshal, "%s")
}

func (r *Regexp) unmarshal(unmarshal func(any) error, format string) error {
	if err := unmarshal(&r.text); err != nil {
		return err
	}
	r.Regexp, r.err = regexp.Compile(fmt.Sprintf(format, r.text))
	return nil
}

// Problems returns an error if the expression does not compile.
func (r Regexp) Problems() []Problem {
	if r.err == nil {
		return nil
	}
	err := r.err
	if _, plain := regexp.Compile(r.text); plain != nil {
		err = plain // without the anchors that the user did not write
	}
	if reason := (*syntax.Error)(nil); errors.As(err, &reason) {
		return []Problem{{Text: fmt.Sprintf("%q is not a regular expression: %s: %q", r.text, reason.Code, reason.Expr)}}
	}
	return []Problem{{Text: fmt.Sprintf("%q is not a regular expression: %v", r.text, err)}}
}

// IsZero lets omitempty leave an unset expression out.
func (r Regexp) IsZero() bool { return r.Regexp == nil && r.text == "" }

// MarshalYAML prints the expression as it was written.
func (r Regexp) MarshalYAML() (any, error) { return r.text, nil }

// AnchoredRegexp is an RE2 expression that must match the whole of its input.
type AnchoredRegexp struct{ Regexp }

// UnmarshalYAML accepts any text; Problems reports text that does not compile.
func (r *AnchoredRegexp) UnmarshalYAML(unmarshal func(any) error) error {
	return r.unmarshal(unmarshal, "^(?:%s)$")
}

const hidden = "<secret>"

// Secret is text that is never printed: every way of formatting it prints <secret>.
type Secret string

func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// Format keeps every verb of fmt from printing the secret, %d and %#v included.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue keeps slog from printing the secret.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalYAML keeps /config from printing the secret.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// MarshalJSON keeps JSON from printing the secret.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }

// URL is an address of the web, of which only scheme and host are printed: the rest may hold a secret.
type URL string

func (u URL) String() string {
	parsed, err := url.Parse(string(u))
	switch {
	case u == "":
		return ""
	case err != nil || parsed.Host == "":
		return hidden
	}
	shown := url.URL{Scheme: parsed.Scheme, Host: parsed.Host}
	if parsed.User == nil && parsed.RequestURI() == "/" && parsed.Fragment == "" {
		return string(u)
	}
	return shown.String() + "/" + hidden
}

// Format keeps every verb of fmt from printing the secret.
func (u URL) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, u.String()) }

// LogValue keeps slog from printing the secret.
func (u URL) LogValue() slog.Value { return slog.StringValue(u.String()) }

// MarshalYAML keeps /config from printing the secret.
func (u URL) MarshalYAML() (any, error) { return u.String(), nil }

// MarshalJSON keeps JSON from printing the secret.
func (u URL) MarshalJSON() ([]byte, error) { return json.Marshal(u.String()) }

// Time is a moment as in RFC 3339.
type Time struct {
	time.Time
	text string
	bad  bool
}

// UnmarshalYAML accepts any text; Problems reports text that is not valid.
func (t *Time) UnmarshalYAML(unmarshal func(any) error) error {
	if err := unmarshal(&t.text); err != nil {
		return err
	}
	var err error
	t.Time, err = time.Parse(time.RFC3339, t.text)
	t.bad = err != nil
	return nil
}

// Problems reports text that is not a moment.
func (t Time) Problems() []Problem {
	if !t.bad {
		return nil
	}
	return []Problem{{Text: fmt.Sprintf("%q is not a time: write it as in 2026-12-01T22:00:00Z or 2026-12-01T22:00:00+01:00", t.text)}}
}

// Wanted returns a description of a valid value.
func (Time) Wanted() string { return "a time such as 2026-12-01T22:00:00Z" }

// IsZero lets omitempty leave an unset time out.
func (t Time) IsZero() bool { return t.Time.IsZero() && t.text == "" }

// MarshalYAML prints the time as it is written in the file.
func (t Time) MarshalYAML() (any, error) { return t.text, nil }
