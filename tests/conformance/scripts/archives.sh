mkdir -p t/s; seq 1 5000 > t/n; head -c 20000 /dev/zero > t/s/z; ln -s n t/l; chmod 600 t/s/z
tar -cf t.tar t; tar -tf t.tar | sort; mkdir out; tar -xf t.tar -C out; diff -r t out/t && echo equal; ls -l out/t | grep -v total | cut -c1-10
gzip -k t.tar; gunzip -c t.tar.gz | cmp - t.tar && echo gzip; bzip2 -k t.tar; bzcat t.tar.bz2 | cmp - t.tar && echo bzip2
find t | sort | cpio -o -H newc 2>/dev/null > t.cpio; mkdir c; cd c; cpio -id < ../t.cpio 2>/dev/null; find . | sort; cd ..
md5sum t/n; sha1sum t/n; sha256sum t/n; sha512sum t/n | cut -c1-20; cksum t/n; sum t/n
base64 t/n | head -n 2; uuencode -m t/n x | tail -n 2; base64 t/n | base64 -d | cmp - t/n && echo base64
rm -f t.tar t.tar.gz t.tar.bz2 t.cpio; rm -rf out c
