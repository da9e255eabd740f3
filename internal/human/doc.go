// Package human writes numbers, durations and times as people read them, and makes the characters visible by which a
// text could deceive its reader.
package human
