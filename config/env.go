package config

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"trapline/internal/engine"
)

// expandEnv replaces the environment variables in the credentials. snmp_exporter does so in username,
// password and priv_password only, and knows no way to write a $ itself.
func (s *source) expandEnv() {
	for name, auth := range s.config.Auths {
		if auth == nil {
			continue
		}
		for key, field := range credentials(auth) {
			value, complaints := expand(*field)
			*field = value
			at := path{"auths", name, key}
			for _, text := range complaints {
				s.harmed[at[:2].String()] = true
				s.wrong(at, nil, text)
			}
		}
	}
}

func credentials(a *engine.Auth) map[string]*string {
	return map[string]*string{
		"username":           &a.Username,
		"community":          (*string)(&a.Community),
		"community_file":     &a.CommunityFile,
		"password":           (*string)(&a.Password),
		"password_file":      &a.PasswordFile,
		"priv_password":      (*string)(&a.PrivPassword),
		"priv_password_file": &a.PrivPasswordFile,
	}
}

// openBrace matches a ${ that names no variable. os.Expand would swallow it.
var openBrace = regexp.MustCompile(`\$\{(\}|[^}]*$)`)

// expand replaces $NAME and ${NAME}, and $$ by $. A variable that is set but empty gives nothing.
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
