package poller

import (
	"fmt"
	"slices"
)

// Failures returns why series are missing: the problems of the target, the errors of its modules, and duplicates.
func (p *Pass) Failures() []error {
	errs := slices.Clone(p.Problems)
	if joined, ok := p.Err.(interface{ Unwrap() []error }); ok {
		errs = append(errs, joined.Unwrap()...)
	} else if p.Err != nil {
		errs = append(errs, p.Err)
	}
	for _, d := range p.Duplicates {
		errs = append(errs, fmt.Errorf("collected metric %q { %s } was collected before with the same name and label values", d.Name, d.Labels))
	}
	return errs
}
