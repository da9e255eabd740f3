package setting

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
)

// Foreign are settings in the form of another program, as its package reads them.
type Foreign[T any] struct {
	Value T

	wrong string // the error of reading them
}

// UnmarshalYAML accepts anything; Problems reports what the package refuses.
func (f *Foreign[T]) UnmarshalYAML(unmarshal func(any) error) error {
	if err := unmarshal(&f.Value); err != nil {
		f.wrong = strings.Join(strings.Fields(strings.TrimPrefix(err.Error(), "yaml: unmarshal errors:")), " ")
		f.wrong = unknownField.ReplaceAllStringFunc(f.wrong, func(text string) string {
			key := unknownField.FindStringSubmatch(text)[1]
			if question := DidYouMean(key, keysOf(reflect.TypeFor[T]())); question != "" {
				return fmt.Sprintf("unknown key %q: %s", key, question)
			}
			return fmt.Sprintf("unknown key %q", key)
		})
		f.wrong = unknownAction.ReplaceAllString(f.wrong, "$0: write one of "+relabelActions)
		f.wrong = wrongType.ReplaceAllString(f.wrong, "a text or a list where keys are expected") // which may be a secret
	}
	return nil
}

// OwnForm says that the keys are those of the other program.
func (Foreign[T]) OwnForm() {}

// MarshalYAML returns the settings; their secrets are masked by their own types.
func (f Foreign[T]) MarshalYAML() (any, error) { return f.Value, nil }

// Problems returns the error of the package.
func (f *Foreign[T]) Problems() []Problem {
	if f.wrong == "" {
		return nil
	}
	return []Problem{{Text: f.wrong}}
}

// relabelActions are those of Prometheus, whose error does not name them.
const relabelActions = "replace, keep, drop, keepequal, dropequal, hashmod, labelmap, labeldrop, labelkeep, lowercase or uppercase"

// unknownField and wrongType are errors of the YAML library, unknownAction is one of Prometheus.
var (
	unknownAction = regexp.MustCompile(`unknown relabel action \S+`)
	unknownField  = regexp.MustCompile(`(?:line \d+: )?field (\S+) not found in type \S+`)
	wrongType     = regexp.MustCompile(`(?:line \d+: )?cannot unmarshal .* into \S+`)
)
