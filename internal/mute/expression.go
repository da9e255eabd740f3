package mute

import (
	"fmt"
	"regexp/syntax"
	"strings"

	"github.com/prometheus/alertmanager/pkg/labels"
)

// maxProgram is how many instructions a regular expression may become, unless it is as long itself. Counted repetitions
// multiply: x{1000} are 7 characters.
const maxProgram = 4096

// CheckExpression returns an error of a regular expression that would take far more memory and time than its length
// suggests, without compiling it. Others that cannot be compiled are left to the compiler.
func CheckExpression(text string) error {
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil
	}
	if n, most := instructions(tree), max(maxProgram, 2*len(text)); n > most {
		return Invalid(fmt.Sprintf("the expression %.60q is too large: it has %d steps, and may have %d. Write * or + in the place of a large repetition", text, n, most))
	}
	return nil
}

// instructions returns about how many a compiled expression has.
func instructions(x *syntax.Regexp) (n int) {
	n = 1
	if x.Op == syntax.OpLiteral {
		n = len(x.Rune)
	}
	for _, sub := range x.Sub {
		n += instructions(sub)
	}
	if x.Op == syntax.OpRepeat {
		n *= max(1, x.Min+1, x.Max)
	}
	return n
}

// equalities have the operators of expressions replaced by those of values, which are not compiled.
var equalities = strings.NewReplacer("=~", "=", "!~", "!=")

// checkText is CheckExpression of all values of matchers as text.
func checkText(text string) error {
	if !strings.Contains(text, "=~") && !strings.Contains(text, "!~") {
		return nil
	}
	plain, err := parseMatchers(equalities.Replace(text), "")
	if err != nil {
		return nil // which the parser reports
	}
	for _, m := range plain {
		if err := CheckExpression(m.Value); err != nil {
			return err
		}
	}
	return nil
}

// NewMatcher returns a matcher with an expression, if it is one, that passes CheckExpression.
func NewMatcher(kind labels.MatchType, name, value string) (*labels.Matcher, error) {
	if kind == labels.MatchRegexp || kind == labels.MatchNotRegexp {
		if err := CheckExpression(value); err != nil {
			return nil, err
		}
	}
	return labels.NewMatcher(kind, name, value)
}
