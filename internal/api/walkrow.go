package api

// WalkRow is a row of a walk.
type WalkRow struct {
	OID   string `json:"oid"`
	Name  string `json:"name"`  // as IF-MIB::ifDescr.1
	Type  string `json:"type"`  // of the SMI, such as Counter32
	Value string `json:"value"` // as text, by the DISPLAY-HINT and the enumeration
}

// WalkRequest names the objects to walk.
type WalkRequest struct {
	What   string `json:"what"`   // a name in a MIB or an OID; empty means mib-2
	Limit  int    `json:"limit"`  // rows; 0 means MaxWalk
	Format string `json:"format"` // ndjson, also where it is empty, or snmprec
}

// MaxWalk is the number of rows that a walk has at most.
const MaxWalk = 10_000
