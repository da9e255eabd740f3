package config

import "testing"

// Members of a cluster agree whatever stands in their sections cluster, whatever the files are called, and in whatever order
// they are read. Every other octet counts.
func TestSharedHashLeavesTheSectionClusterOut(t *testing.T) {
	hash := func(texts ...string) string {
		var files []File
		for i, text := range texts {
			files = append(files, keptFile(string(rune('a'+i)), []byte(text)))
		}
		return SharedHash(files, "")
	}
	const rest = "targets: [192.0.2.1]\n"
	want := hash(rest)
	for _, texts := range [][]string{
		{"cluster: {weight: 0}\n" + rest},
		{"cluster:\n  members: [a, b, c]\n\n  # a comment\n  tls:\n    ca_file: x\n" + rest},
		{rest + "cluster:\n  weight: 0\n"},
		{rest, "# of this member\ncluster:\n  weight: 0\n"},
		{"---\ncluster: {}\n", rest},
	} {
		if got := hash(texts...); got != want {
			t.Errorf("%q: %s, want %s", texts, got, want)
		}
	}
	for _, text := range []string{"targets: [192.0.2.2]\n", rest + "cluster_x: 1\n", "global: {interval: 1s}\n" + rest, rest + "cluster: {}\nglobal: {}\n", "cluster: {}\n# note\n- x\n" + rest} {
		if hash(text) == want {
			t.Errorf("%q has the same hash", text)
		}
	}
	if SharedHash([]File{keptFile("a", []byte(rest))}, "site") == want {
		t.Error("the label of zones does not count")
	}
	if hash("a: 1\n", "b: 2\n") != hash("b: 2\n", "a: 1\n") {
		t.Error("the order of files counts")
	}
}
