package setting

import "fmt"

// Percent is a share, such as 50%.
type Percent struct {
	of100 *int
	bad   string // text that is no share
}

// UnmarshalYAML accepts any text; Problems reports text that is no share.
func (p *Percent) UnmarshalYAML(unmarshal func(any) error) error {
	var text string
	if err := unmarshal(&text); err != nil {
		return err
	}
	n := 0
	if _, err := fmt.Sscanf(text, "%d%%", &n); err != nil || fmt.Sprintf("%d%%", n) != text || n < 0 || n > 100 {
		p.bad = text
		return nil
	}
	p.of100 = &n
	return nil
}

// MarshalYAML returns the share as it is written.
func (p Percent) MarshalYAML() (any, error) {
	if p.of100 == nil {
		return nil, nil
	}
	return fmt.Sprintf("%d%%", *p.of100), nil
}

// IsZero reports whether the share is not set.
func (p Percent) IsZero() bool { return p.of100 == nil }

// Problems reports text that is no share.
func (p Percent) Problems() []Problem {
	if p.bad == "" {
		return nil
	}
	return []Problem{{Text: fmt.Sprintf("%q is not a share: write it as in 50%%", p.bad)}}
}

// TextForm says that a text stands for a share.
func (Percent) TextForm() {}

// Wanted describes the expected value.
func (Percent) Wanted() string { return "a share such as 50%" }

// Or returns the share, or a default.
func (p Percent) Or(usual int) int {
	if p.of100 == nil {
		return usual
	}
	return *p.of100
}
