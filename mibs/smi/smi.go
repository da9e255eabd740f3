// Package smi is the language of MIBs, SMIv1 and SMIv2 (RFC 1155, 1212, 1215, 2578 to 2580): its kinds, types and
// clauses, and a parser that turns a text into modules of definitions and reports where the text deviates from the
// rules. Names are not resolved here: a definition refers to others by their names.
package smi
