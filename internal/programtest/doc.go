// Package programtest has the set-ups of tests of several rooms: simulated devices, files, and the reference documents.
package programtest
