package statedir

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"go.etcd.io/bbolt"
)

// A database is never said to be damaged that is not, whatever is in it.
func TestSoundDatabasesAreNotDamaged(t *testing.T) {
	random := rand.New(rand.NewPCG(13, 14))
	dir := t.TempDir()
	for range 5 {
		db, err := openDatabase(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := inspect(db); err != nil {
			t.Fatal(err)
		}
		for range 8 {
			if err := db.Update(func(tx *bbolt.Tx) error { return shuffle(tx, random) }); err != nil {
				t.Fatal(err)
			}
			if err := inspect(db); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// shuffle puts and deletes records of every size, in buckets in buckets.
func shuffle(tx *bbolt.Tx, random *rand.Rand) error {
	for range 300 {
		b, err := tx.CreateBucketIfNotExists(fmt.Append(nil, "bucket", random.IntN(5)))
		for depth := random.IntN(3); err == nil && depth > 0; depth-- {
			b, err = b.CreateBucketIfNotExists(fmt.Append(nil, "below", random.IntN(3)))
		}
		if err != nil {
			return err
		}
		k := fmt.Append(nil, "key", random.IntN(400))
		if random.IntN(3) == 0 {
			err = b.Delete(k)
		} else {
			err = b.Put(k, make([]byte, random.IntN(1<<random.IntN(15))))
		}
		if err != nil {
			return err
		}
	}
	if random.IntN(4) == 0 {
		if name := fmt.Append(nil, "bucket", random.IntN(5)); tx.Bucket(name) != nil {
			return tx.DeleteBucket(name)
		}
	}
	return nil
}
