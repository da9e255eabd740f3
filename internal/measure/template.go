package measure

import (
	"fmt"
	"strconv"
	"strings"
)

// template is the text of a label.
type template []segment

// segment is text, or the first of refs that has one.
type segment struct {
	literal string
	refs    []ref
}

// ref is a column, a part of the index, or the whole of it.
type ref struct {
	name   string // of a column, as it is written; or empty
	number int    // of the column
	part   int    // from 1, or from -1 backwards; 0: the whole index
}

// parseTemplate reads text with placeholders in braces.
func parseTemplate(text string) (template, error) {
	var t template
	for text != "" {
		front, rest, open := strings.Cut(text, "{")
		if strings.Contains(front, "}") {
			return nil, fmt.Errorf("a } without { in front: %q", front)
		}
		if front != "" {
			t = append(t, segment{literal: front})
		}
		if !open {
			break
		}
		inside, behind, closed := strings.Cut(rest, "}")
		if !closed {
			return nil, fmt.Errorf("{%s: the } is missing", rest)
		}
		s := segment{}
		for _, name := range strings.Split(inside, "|") {
			r, err := parseRef(strings.TrimSpace(name))
			if err != nil {
				return nil, err
			}
			s.refs = append(s.refs, r)
		}
		t, text = append(t, s), behind
	}
	return t, nil
}

func parseRef(name string) (ref, error) {
	switch n, err := strconv.Atoi(name); {
	case name == "":
		return ref{}, fmt.Errorf("{}: write a column, a part of the index such as {1}, or {index}")
	case name == "index":
		return ref{}, nil
	case err != nil:
		return ref{name: name}, nil
	case n == 0 || n > maxArcs || n < -maxArcs:
		return ref{}, fmt.Errorf("{%s}: parts of the index are {1}, {2} and so on, or {-1} and so on from its end", name)
	default:
		return ref{part: n}, nil
	}
}

// indexPart returns which part of the index a key such as {1} or {-1} stands for; 0 if it is none.
func indexPart(text string) int {
	if t, err := parseTemplate(text); err == nil && len(t) == 1 && len(t[0].refs) == 1 {
		return t[0].refs[0].part
	}
	return 0
}

// names returns the columns that a template names.
func (t template) names() []string {
	var list []string
	for _, s := range t {
		for _, r := range s.refs {
			if r.name != "" {
				list = append(list, r.name)
			}
		}
	}
	return list
}

// maxArcs is how many numbers an OID may have (RFC 3416 section 4.1).
const maxArcs = 128
