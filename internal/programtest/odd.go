package programtest

// Odd are values that YAML, CSV or both have another use for.
var Odd = []string{"berlin", "07", "yes", "null", "~", "1e3", "a: b", "#1", "- x", `"quoted"`, "it's", "{a}", "[b]", "&c", "*d", "naïve", "two words", "a,b", "100%", `back\slash`, "\U0001f600", "y"}
