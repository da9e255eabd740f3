package config

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"

	"trapline/config/document"
	"trapline/internal/access"
	"trapline/internal/setting"
)

// expandEnv replaces the environment variables in the credentials. snmp_exporter does so in username,
// password and priv_password only, and knows no way to write a $ itself.
func expandEnv[T any](s *document.Source[T], auths map[string]*access.Auth) {
	for name, auth := range auths {
		if auth == nil {
			continue
		}
		for key, field := range credentials(auth) {
			value, complaints := expand(*field)
			*field = value
			at := document.Path{"auths", name, key}
			for _, text := range complaints {
				s.Incomplete[at[:2].String()] = true
				s.Report(at, nil, text)
			}
		}
	}
}

// credentials are the settings of an auth that hold a secret, name the file of one, or the user.
func credentials(a *access.Auth) map[string]*string {
	found := map[string]*string{}
	v := reflect.ValueOf(a).Elem()
	for _, f := range document.LayoutOf(v.Type()).Keyed {
		field := v.Field(f.Index)
		if field.Type() == reflect.TypeFor[setting.Secret]() || f.Key == "username" || strings.HasSuffix(f.Key, "_file") {
			found[f.Key] = field.Addr().Convert(reflect.TypeFor[*string]()).Interface().(*string)
		}
	}
	return found
}

// openBrace matches a ${ that names no variable. os.Expand would swallow it.
var openBrace = regexp.MustCompile(`\$\{(\}|[^}]*$)`)

// expand replaces $NAME and ${NAME}, and $$ by $. A variable may be empty, but it must be set.
func expand(value string) (expanded string, complaints []string) {
	if openBrace.MatchString(strings.ReplaceAll(value, "$$", "")) {
		return value, []string{"${ wants the name of an environment variable and a }: write $$ for a $ itself"}
	}
	expanded = os.Expand(value, func(name string) string {
		if name == "$" {
			return "$"
		}
		found, ok := os.LookupEnv(name)
		if !ok {
			complaints = append(complaints, fmt.Sprintf("environment variable %s is not set: set it, or write $$ for a $ itself", name))
		}
		return found
	})
	return expanded, complaints
}
