package document

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// problems maps errors of the YAML parser to texts for a user who writes a file by hand.
var problems = map[string]string{
	"did not find expected key":                              "this line does not fit those above it: check its indentation and its quotes",
	"did not find expected '-' indicator":                    `this line does not fit the list above it: each item begins with "- " in the same column`,
	"did not find expected node content":                     "a value is missing here, or one of ] } , stands where it does not belong",
	"did not find expected ',' or ']'":                       "a [ is not closed, or a comma is missing between its items",
	"did not find expected ',' or '}'":                       "a { is not closed, or a comma is missing between its keys",
	"could not find expected ':'":                            "a key without a value: write a colon and a space behind the key, and a - and a space before an item",
	"mapping values are not allowed in this context":         `a second ": " in one value, or a line indented too far: put a value that holds ": " in quotes`,
	"block sequence entries are not allowed in this context": `a list cannot begin here: write its first "- " in a line of its own`,
	"found character that cannot start any token":            "a tab, @, ` or % where a value begins: indent with spaces, and put a value that begins so in quotes",
	"found a tab character that violates indentation":        "a tab cannot indent: use spaces",
	"found unexpected end of stream":                         "a quote is not closed",
	"found unknown escape character":                         `a \ with a letter that it does not go with: write \\ for a \, or use single quotes`,
	"control characters are not allowed":                     "a control character, which YAML does not allow",
	"document contains excessive aliasing":                   "its aliases (*name) expand to far too much",
}

// prefixProblems are problems that go on with details.
var prefixProblems = []struct{ prefix, text string }{
	// The name is kept back: it may be a password that begins with *.
	{"unknown anchor", "* refers to an anchor that is not set above: put a value that begins with * in quotes"},
	{"invalid leading UTF-8", notUTF8},
	{"invalid trailing UTF-8", notUTF8},
	{"incomplete UTF-8", notUTF8},
	{"exceeded max depth", "brackets or lists nested thousands of levels deep"},
}

const notUTF8 = "text that is not UTF-8"

var inLine = regexp.MustCompile(`^line (\d+): `)

// cutProblem cuts an error of the YAML library into the line it names, 0 if none, and the problem.
func cutProblem(text string) (line int, problem string) {
	problem = strings.TrimPrefix(text, "yaml: ")
	if m := inLine.FindStringSubmatch(problem); m != nil {
		line, _ = strconv.Atoi(m[1])
		problem = problem[len(m[0]):]
	}
	return line, problem
}

// syntaxProblem returns the line and the description of an error in a text that is not YAML.
func syntaxProblem(raw []byte, err error) (line int, text string) {
	line, problem := cutProblem(err.Error())
	lines := bytes.SplitAfter(bytes.TrimRight(raw, "\n"), []byte("\n"))
	switch problem {
	case "did not find expected ',' or ']'", "did not find expected ',' or '}'":
		line = min(line+1, len(lines)) // the parser counts from 0 here
	case "found unexpected end of stream":
		line = min(line, len(lines))
	default:
		line = noticed(lines, problem)
	}
	if bytes.IndexByte(raw[:min(4, len(raw))], 0) >= 0 {
		return 1, "this file is UTF-16: save it as UTF-8"
	}
	if text = inWords(problem); text == notUTF8 {
		line = firstNotUTF8(raw)
	}
	return line, text
}

func inWords(problem string) string {
	if text, ok := problems[problem]; ok {
		return text
	}
	for _, p := range prefixProblems {
		if strings.HasPrefix(problem, p.prefix) {
			return p.text
		}
	}
	return "this is no YAML: " + problem
}

// noticed finds the line in which the parser comes upon the problem. The line that it names itself may
// be the first one of the block around it.
func noticed(lines [][]byte, problem string) int {
	r := lineReader{lines: lines}
	parseError(&r)
	last := r.read
	for n := max(1, last-lookahead); n < last; n++ {
		_, same := cutProblem(parseError(bytes.NewReader(bytes.Join(lines[:n], nil))))
		if same == problem {
			return n
		}
	}
	return last
}

func firstNotUTF8(raw []byte) int {
	line := 0
	for text := range bytes.Lines(raw) {
		line++
		if !utf8.Valid(text) {
			break
		}
	}
	return line
}

// lookahead is how many lines the parser may have read beyond the one that it complains of.
const lookahead = 3

// lineReader hands out a line at a time, so that it knows how far the parser came.
type lineReader struct {
	lines [][]byte
	rest  []byte
	read  int
}

func (r *lineReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.read == len(r.lines) {
			return 0, io.EOF
		}
		r.rest = r.lines[r.read]
		r.read++
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// parseError parses one document and returns the parser's error, "" if none.
func parseError(r io.Reader) string {
	if err := Decode(yaml.NewDecoder(r), new(yaml.Node)); err != nil {
		return err.Error()
	}
	return ""
}

// valueProblem returns the line and the description of an error of the decoder that schemaCheck did not find.
func valueProblem(err error) (line int, text string) {
	problem := err.Error()
	if kinds := (*yaml.TypeError)(nil); errors.As(err, &kinds) && len(kinds.Errors) > 0 {
		problem = kinds.Errors[0]
	}
	line, problem = cutProblem(problem)
	if text, ok := problems[problem]; ok {
		return line, text
	}
	return line, "a value does not fit its place or its tag"
}
