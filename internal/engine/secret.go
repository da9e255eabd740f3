package engine

import (
	"fmt"
	"os"
	"strings"
	"sync"
)

// secrets are the files that auths take secrets from. A file is read again when it has changed, so
// that a secret can be rotated without a reload.
type secrets struct {
	mu    sync.Mutex
	files map[string]secretFile
}

type secretFile struct {
	info os.FileInfo // as it was before the file was read
	text string
}

// read gives the content of a file without the newline at its end.
func (s *secrets) read(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, ok := s.files[path]; ok && unchanged(f.info, info) {
		return f.text, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if s.files == nil {
		s.files = map[string]secretFile{}
	}
	f := secretFile{info, strings.TrimRight(string(b), "\r\n")}
	s.files[path] = f
	return f.text, nil
}

func unchanged(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// credentials are the secrets of an auth, those in files included.
type credentials struct {
	community, password, privPassword string
}

func (s *secrets) of(a *Auth) (c credentials, err error) {
	c = credentials{string(a.Community), string(a.Password), string(a.PrivPassword)}
	take := func(secret *string, file string, shortest int) {
		if file == "" || err != nil {
			return
		}
		if *secret, err = s.read(file); err == nil && len(*secret) < shortest {
			err = fmt.Errorf("%s holds %d characters where %d or more are needed", file, len(*secret), shortest)
		}
	}
	switch {
	case a.Version != 3:
		take(&c.community, a.CommunityFile, 1)
	case a.SecurityLevel == AuthPriv:
		take(&c.privPassword, a.PrivPasswordFile, minPassword)
		fallthrough
	case a.SecurityLevel == AuthNoPriv:
		take(&c.password, a.PasswordFile, minPassword)
	}
	return c, err
}
