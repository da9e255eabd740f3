//go:build race

package client_test

// racing says that the race detector runs, which makes a trial of the law take ten times as long: then there
// are fewer of them.
const racing = true
