package notify

// kind has the properties of the receivers of a type.
type kind struct {
	url     bool // they have one, in the place of an address
	resyncs bool // they are sent traplineResync and heartbeats
	repeats bool // they never acknowledge; copies may be sent
}

// kinds are the values of `type`. Each has a line in openers too.
var kinds = map[string]kind{
	"trap":    {resyncs: true, repeats: true},
	"inform":  {resyncs: true},
	"webhook": {url: true},
}
